"""The Celery app of the interop suite: what its Python workers run and its Python client sends.

Everything that differs between runs comes from the environment: INTEROP_BROKER and INTEROP_RESULTS are URLs,
INTEROP_SETTINGS is a JSON object of Celery settings that go before those below.
"""
import json
import os
import time

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from kombu import Exchange, Queue


def queue(name, **options):
    """As Lovage declares it, and as Celery does for a queue it makes by itself."""
    return Queue(name, Exchange(name), routing_key=name, **options)


app = Celery("interop", broker=os.environ["INTEROP_BROKER"], backend=os.environ["INTEROP_RESULTS"])
app.conf.update(
    task_default_queue="py",
    task_routes={"py.*": {"queue": "py"}, "js.*": {"queue": "js"}, "mixed.*": {"queue": "mixed"}},
    task_queues=[queue("py"), queue("js"), queue("mixed"), queue("ranked", max_priority=9)],
    broker_connection_retry=False,
    worker_hijack_root_logger=True,
)
app.conf.update(json.loads(os.environ.get("INTEROP_SETTINGS", "{}")))


class PaymentDeclined(Exception):
    """An error of the app's own, which the other side cannot know."""


def append(path, line):
    """Adds a line to a file that other processes add to as well: one write, so that lines do not mix."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def wait_for(path, seconds=60):
    """Until the file is there. Polls: the other side is another process, in another language."""
    deadline = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.01)


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.double")
def double(x):
    return 2 * x


@app.task(name="py.echo")
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@app.task(name="py.types")
def types(*values):
    return [f"{type(value).__name__}:{value!r}" for value in values]


@app.task(name="py.length")
def length(text):
    return len(text)


@app.task(name="py.request", bind=True)
def request(self):
    """What the worker knows of the message, and when it ran."""
    known = self.request
    return {
        "started": time.time(),
        "id": known.id,
        "root_id": known.root_id,
        "parent_id": known.parent_id,
        "retries": known.retries,
        "eta": known.eta,
        "expires": known.expires,
        "timelimit": known.timelimit,
        "hostname": known.hostname,
        "language": known.lang,
        # Celery merges custom headers into the request.
        "tenant": getattr(known, "tenant", None),
        "shadow": known.shadow,
        "queue": known.delivery_info["routing_key"],
    }


@app.task(name="py.fail")
def fail(*args):
    raise ValueError(*args)


@app.task(name="py.decline")
def decline(reason):
    raise PaymentDeclined(reason, 402)


@app.task(name="py.record")
def record(value, path):
    append(path, str(value))
    return value


@app.task(name="py.errback")
def errback(failed_id):
    """One parameter: with more, Celery would call it in the failing worker with the error itself."""
    append(os.environ["INTEROP_ERRBACKS"], f"py {failed_id}")


@app.task(name="py.flaky", bind=True, max_retries=5)
def flaky(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=0, exc=ConnectionError("not yet"))
    return self.request.retries


@app.task(name="py.hopeless", bind=True, max_retries=1)
def hopeless(self):
    # Not at once: Celery sends the next try before it stores RETRY, which would then replace the next one's FAILURE.
    raise self.retry(countdown=0.3)


@app.task(name="py.autoretry", bind=True, autoretry_for=(ConnectionError,), max_retries=5, default_retry_delay=0)
def autoretry(self, times):
    if self.request.retries < times:
        raise ConnectionError("not yet")
    return self.request.retries


@app.task(name="py.hold")
def hold(path):
    """Keeps its slot until the file `path` is there; says by the file `path`.began that it has begun."""
    append(f"{path}.began", "began")
    wait_for(path)
    return "released"


@app.task(name="py.spin")
def spin(path):
    append(path, "began")
    while True:
        time.sleep(0.05)


@app.task(name="py.tidy")
def tidy(path):
    """Makes use of its soft limit."""
    try:
        spin(path)
    except SoftTimeLimitExceeded:
        return "tidied up"


@app.task(name="py.heed")
def heed(path):
    """Knows no soft limit, but heeds it."""
    spin(path)


@app.task(name="py.relay", bind=True)
def relay(self, name, args):
    """Sends a task from inside of one."""
    return app.send_task(name, args).id


@app.task(name="py.date")
def date():
    from datetime import datetime, timezone

    return datetime(2024, 1, 2, 3, 4, 5, 678900, tzinfo=timezone.utc)


@app.task(name="mixed.record", bind=True)
def mixed_record(self, number, path):
    append(path, f"{number} python")
    return number


@app.task(name="mixed.flaky", bind=True, max_retries=5)
def mixed_flaky(self, number, times, path):
    append(path, f"{number} {self.request.retries} python")
    if self.request.retries < times:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task(name="mixed.hold", bind=True, acks_late=True)
def mixed_hold(self, path):
    """The first to run it keeps it until the file is there; whoever runs it again is done at once."""
    again = os.path.exists(f"{path}.began")
    append(f"{path}.began", "python")
    if not again:
        wait_for(path)
    return {"language": "python", "redelivered": bool(self.request.delivery_info.get("redelivered"))}
