"""What Python's Celery does of the same: celery_bench.py enqueue|drain|round-trip BROKER RESULTS COUNT. Prints JSON."""
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import uuid

from celery import Celery

what, broker, results, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
queue = os.environ.setdefault("BENCH_QUEUE", "bench-" + uuid.uuid4().hex)
app = Celery("bench", broker=broker, backend=results if results != "-" else None)
app.conf.update(
    task_default_queue=queue,
    task_ignore_result=results == "-",
    result_expires=600,
    worker_prefetch_multiplier=100,
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
)

# Made before the worker forks: its processes share it.
done = multiprocessing.Value("i", 0)


@app.task(name="bench.add")
def add(x, y):
    with done.get_lock():
        done.value += 1
    return x + y


def worker():
    app.worker_main(["worker", "--pool=prefork", "--concurrency=2", "--loglevel=CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat"])


def enqueue(number):
    started = time.perf_counter()
    cpu = time.process_time()
    for _ in range(number):
        add.delay(2, 3)
    return {"rate": number / (time.perf_counter() - started), "cpu": (time.process_time() - cpu) / number * 1e6}


def wait_for(number):
    while done.value < number:
        time.sleep(0.002)


def watch_drain():
    wait_for(1)
    started = time.perf_counter()
    wait_for(count)
    finish({"rate": (count - 1) / (time.perf_counter() - started), "cpu": None})


def round_trips():
    # The worker in a process of its own: within one, waiting for results and serving tasks get into each other's way.
    server = subprocess.Popen([sys.executable, __file__, "serve", broker, results, "0"], stdout=subprocess.DEVNULL)
    add.delay(2, 3).get(timeout=30)
    times = []
    for _ in range(count):
        started = time.perf_counter()
        add.delay(2, 3).get(timeout=10)
        times.append((time.perf_counter() - started) * 1000)
    # A warm shutdown would wait for what it holds; it holds nothing that matters.
    server.kill()
    print(json.dumps(times[len(times) // 10:]))


def finish(figure):
    # A worker takes sys.stdout for its log.
    print(json.dumps(figure), file=sys.__stdout__, flush=True)
    app.control.broadcast("shutdown")


if what == "enqueue":
    add.delay(2, 3)
    print(json.dumps(enqueue(count)))
elif what == "serve":
    worker()
    sys.exit()
elif what == "drain":
    enqueue(count)
    threading.Thread(target=watch_drain, daemon=True).start()
    worker()
else:
    round_trips()
with app.connection_for_write() as connection:
    channel = connection.default_channel
    channel.queue_delete(queue)
    channel.exchange_delete(queue)
