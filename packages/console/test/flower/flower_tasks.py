"""The tasks that flower_client.py calls, for a worker of Python's Celery: celery -A flower_tasks worker -E"""

import os

from celery import Celery

app = Celery("flower", broker=os.environ["BROKER_URL"], backend=os.environ["RESULT_BACKEND"])
app.conf.update(task_send_sent_event=True, broker_transport_options={"global_keyprefix": os.environ.get("PREFIX", "")})


@app.task(name="flower.add")
def add(x, y):
    return x + y


@app.task(name="flower.fails")
def fails(text):
    raise ValueError(text)
