"""A Celery client that takes orders: one JSON object a line on standard input, {"n": 1, "op": "send", …}; one a line on
standard output, {"n": 1, "ok": …} or {"n": 1, "error": {…}}, and {"event": {…}} for events that are listened to.

One process serves all cases of a suite, because starting Python's Celery takes a second.
"""
import contextlib
import io
import json
import pickle
import sys
import threading
import traceback

import kombu
from celery import chain
from celery.bin.celery import celery as celery_command
from celery.events.receiver import EventReceiver
from app import app

output = sys.stdout
output_lock = threading.Lock()
handles = {}


def write(message):
    with output_lock:
        output.write(json.dumps(message, default=str) + "\n")
        output.flush()


def signature(data):
    """{"task": …, "args": […], "kwargs": {…}, "options": {…}, "immutable": bool} as Celery's own."""
    made = app.signature(data["task"], args=tuple(data.get("args", ())), kwargs=data.get("kwargs", {}))
    made.set(immutable=data.get("immutable", False), **data.get("options", {}))
    return made


def send(name, args=(), kwargs=None, link=(), link_error=(), **options):
    result = app.send_task(
        name,
        args=args,
        kwargs=kwargs or {},
        link=[signature(each) for each in link] or None,
        link_error=[signature(each) for each in link_error] or None,
        **options,
    )
    handles[result.id] = result
    # Now and not in get(), which would wait up to a second for each result that has come before it was asked for.
    app.backend.add_pending_result(result)
    return result.id


def send_many(calls):
    return [send(**call) for call in calls]


def get(id, timeout=20):
    """How the task ended, as `AsyncResult.get` tells it."""
    result = handles.get(id) or app.AsyncResult(id)
    try:
        value = result.get(timeout=timeout)
    except Exception as error:
        return {
            "state": result.state,
            "error": {
                "type": type(error).__name__,
                "module": type(error).__module__,
                "args": list(error.args),
            },
            "traceback": result.traceback,
        }
    return {"state": result.state, "value": value}


def get_many(ids, timeout=60):
    return [get(id, timeout) for id in ids]


def state(id):
    """The state now, without waiting."""
    return (handles.get(id) or app.AsyncResult(id)).state


def children(id):
    return [child.id for child in (handles.get(id) or app.AsyncResult(id)).children or []]


def round_trip(name, values, timeout=30):
    """Sends the values and returns those that did not come back equal, as Python sees them."""
    sent = send(name, values)
    back = handles[sent].get(timeout=timeout)
    if len(back) != len(values):
        return [{"sent": f"{len(values)} values", "back": f"{len(back)} values"}]
    return [
        {"sent": repr(one), "back": repr(other)}
        for one, other in zip(values, back)
        # True equals 1 in Python; a whole float may come back as an int, since JavaScript has one kind of number.
        if one != other or isinstance(one, bool) is not isinstance(other, bool)
    ]


def send_chain(steps, **options):
    result = chain(*[signature(each) for each in steps]).apply_async(**options)
    handles[result.id] = result
    ids = []
    step = result
    while step is not None:
        ids.insert(0, step.id)
        step = step.parent
    return ids


class Mine:
    """What pickle turns into a call when it is loaded: loading creates the file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def publish(queue, body, content_type, content_encoding, headers=None, properties=None):
    """A message made by hand. `body` is text."""
    with app.connection_for_write() as connection, connection.channel() as channel:
        # The body is text already: it must not be encoded again, whatever it claims to be.
        producer = kombu.Producer(channel, routing_key=queue, serializer=None)
        producer.publish(
            body.encode(),
            content_type=content_type,
            content_encoding=content_encoding,
            headers=headers or {},
            declare=[app.amqp.queues[queue]],
            **(properties or {}),
        )


def publish_pickle(queue, task, id, path):
    """A task whose argument, if anybody loads it, creates the file `path`."""
    body = pickle.dumps(((Mine(path),), {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}))
    with app.connection_for_write() as connection, connection.channel() as channel:
        kombu.Producer(channel, routing_key=queue).publish(
            body,
            content_type="application/x-python-serialize",
            content_encoding="binary",
            headers={"lang": "py", "task": task, "id": id, "argsrepr": "(…)", "kwargsrepr": "{}", "retries": 0},
            correlation_id=id,
            declare=[app.amqp.queues[queue]],
        )


def send_protocol_1(queue, task, args):
    """As Celery 3 sent tasks, by Celery's own code."""
    id = kombu.uuid()
    message = app.amqp.as_task_v1(id, task, args=args, kwargs={}, reply_to=app.thread_oid)
    with app.producer_or_acquire() as producer:
        app.backend.on_task_call(producer, id)
        producer.publish(
            message.body,
            serializer="json",
            headers=message.headers,
            routing_key=queue,
            exchange="",
            declare=[app.amqp.queues[queue]],
            **message.properties,
        )
    handles[id] = app.AsyncResult(id)
    return id


def control(method, arguments=None, destination=None, timeout=5):
    """Any remote control command: {node: reply}."""
    replies = app.control.broadcast(
        method, arguments=arguments or {}, destination=destination, timeout=timeout, reply=True
    )
    return {node: reply for each in replies or [] for node, reply in each.items()}


def command(args):
    """Celery's command line in this process: what `python3 -m celery …` runs, without the second it takes to start."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = celery_command.main(args=["-A", "app", *args], standalone_mode=False) or 0
        except SystemExit as error:
            code = error.code or 0
        except Exception as error:
            code = getattr(error, "exit_code", 1)
            print(error, file=err)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def listen():
    """From now on every event is written. Returns once events that are sent from now on will be heard."""
    ready = threading.Event()

    class Receiver(EventReceiver):
        def on_consume_ready(self, *args, **kwargs):
            ready.set()

    def run():
        with app.connection_for_read() as connection:
            Receiver(connection, handlers={"*": lambda event: write({"event": event})}, app=app).capture(wakeup=False)

    threading.Thread(target=run, daemon=True).start()
    if not ready.wait(20):
        raise TimeoutError("the event receiver did not get ready")


OPERATIONS = {
    each.__name__: each
    for each in (
        send, send_many, get, get_many, state, children, round_trip, send_chain, publish, publish_pickle,
        send_protocol_1, control, command, listen,
    )
}


def main():
    write({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        n, op = order.pop("n"), order.pop("op")
        try:
            write({"n": n, "ok": OPERATIONS[op](**order)})
        except Exception as error:
            write({"n": n, "error": {"type": type(error).__name__, "text": str(error), "traceback": traceback.format_exc()}})


if __name__ == "__main__":
    # Libraries that print must not do so between the answers.
    with contextlib.redirect_stdout(sys.stderr):
        main()
