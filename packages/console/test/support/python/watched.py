"""The Celery app that the console's tests watch. WATCHED_BROKER and WATCHED_RESULTS are URLs, WATCHED_SETTINGS more settings as JSON."""
import json
import os
import time

from celery import Celery

app = Celery("watched", broker=os.environ["WATCHED_BROKER"], backend=os.environ["WATCHED_RESULTS"])
app.conf.update(task_default_queue="py", broker_connection_retry=False)
app.conf.update(json.loads(os.environ.get("WATCHED_SETTINGS", "{}")))


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.fail")
def fail(text):
    raise ValueError(text)


@app.task(name="py.flaky", bind=True, max_retries=3)
def flaky(self, failures):
    if self.request.retries < failures:
        raise self.retry(countdown=0.2, exc=OSError("not yet"))
    return self.request.retries


@app.task(name="py.wait")
def wait(path):
    while not os.path.exists(path):
        time.sleep(0.02)
    return "seen"
