"""A client written for Flower's REST API: calls each of its routes and prints every status and body as one JSON object.

    python3 flower_client.py BASE_URL WORKER [USER:PASSWORD]

The tasks are those of flower_tasks.py, run by a Celery worker of that node name. Ran against Flower itself it gives flower-vectors.json.
"""

import base64
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE, WORKER = sys.argv[1].rstrip("/"), sys.argv[2]
CREDENTIALS = sys.argv[3] if len(sys.argv) > 3 else None
CALLS = {}


def call(name, method, path, form=None, body=None):
    data = None
    headers = {}
    if CREDENTIALS:
        headers["Authorization"] = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    elif method == "POST":
        data = b""
    request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    CALLS[name] = {"status": status, "body": value}
    return value


def until(holds):
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise SystemExit("it did not happen within 30 s; so far: " + json.dumps(CALLS))


def info(task_id):
    call("scratch", "GET", "/api/task/info/" + task_id)
    return CALLS.pop("scratch")["body"]


def has_state(task_id, state):
    found = info(task_id)
    return isinstance(found, dict) and found.get("state") == state


worker = urllib.parse.quote(WORKER)

until(lambda: WORKER in (call("workers status", "GET", "/api/workers?status=1&refresh=1") or {}))
call("workers refresh", "GET", "/api/workers?refresh=1")
until(lambda: "stats" in (call("workers", "GET", "/api/workers") or {}).get(WORKER, {}))
call("workers one", "GET", "/api/workers?workername=" + worker)
call("workers unknown", "GET", "/api/workers?workername=nobody")

applied = call("apply", "POST", "/api/task/apply/flower.add", body={"args": [2, 3]})
call("apply fails", "POST", "/api/task/apply/flower.fails", body={"kwargs": {"text": "no"}})
call("apply unknown", "POST", "/api/task/apply/no.such", body={})
call("apply bad json", "POST", "/api/task/apply/flower.add", body=b"{")
call("apply bad args", "POST", "/api/task/apply/flower.add", body={"args": 7})
call("apply bad options", "POST", "/api/task/apply/flower.add", body=[1])
call("apply bad eta", "POST", "/api/task/async-apply/flower.add", body={"args": [1, 2], "eta": "tomorrow"})
eventual = call("async-apply", "POST", "/api/task/async-apply/flower.add",
                body={"args": [1, 2], "countdown": 0, "expires": 300})
later = call("async-apply eta", "POST", "/api/task/async-apply/flower.add",
             body={"args": [1, 2], "eta": "2099-01-31 10:00:00.000000"})
sent = call("send-task", "POST", "/api/task/send-task/flower.add", body={"args": [5, 6]})

until(lambda: has_state(applied["task-id"], "SUCCESS") and has_state(sent["task-id"], "SUCCESS"))
call("result", "GET", "/api/task/result/" + sent["task-id"])
call("result waits", "GET", "/api/task/result/" + sent["task-id"] + "?timeout=5")
call("result pending", "GET", "/api/task/result/" + later["task-id"])
call("info", "GET", "/api/task/info/" + applied["task-id"])
call("info unknown", "GET", "/api/task/info/nothing")
call("types", "GET", "/api/task/types")
call("tasks", "GET", "/api/tasks?limit=2")
call("tasks filtered", "GET",
     "/api/tasks?" + urllib.parse.urlencode({"taskname": "flower.fails", "state": "FAILURE", "workername": WORKER,
                                             "sort_by": "-started", "received_start": "2020-01-01 00:00",
                                             "received_end": "2098-01-01 00:00", "search": "state:FAILURE"}))
call("tasks offset", "GET", "/api/tasks?limit=1&offset=1&sort_by=name&state=All")
call("tasks bad search", "GET", "/api/tasks?search=" + urllib.parse.quote("(state:FAILURE"))

call("pool grow", "POST", "/api/worker/pool/grow/" + worker + "?n=1")
call("pool shrink", "POST", "/api/worker/pool/shrink/" + worker, form={"n": 1})
call("pool grow unknown", "POST", "/api/worker/pool/grow/nobody")
call("pool autoscale refused", "POST", "/api/worker/pool/autoscale/" + worker + "?min=1&max=4")
call("pool restart refused", "POST", "/api/worker/pool/restart/" + worker)
call("add-consumer", "POST", "/api/worker/queue/add-consumer/" + worker, form={"queue": "extra"})
call("cancel-consumer", "POST", "/api/worker/queue/cancel-consumer/" + worker + "?queue=extra")
call("timeout", "POST", "/api/task/timeout/flower.add", form={"workername": WORKER, "soft": 30, "hard": 100})
call("timeout unknown task", "POST", "/api/task/timeout/no.such", form={"workername": WORKER, "soft": 30})
call("timeout unknown worker", "POST", "/api/task/timeout/flower.add", form={"workername": "nobody", "soft": 30})
call("rate-limit", "POST", "/api/task/rate-limit/flower.add", form={"workername": WORKER, "ratelimit": "100/m"})
call("rate-limit refused", "POST", "/api/task/rate-limit/flower.add", form={"workername": WORKER, "ratelimit": "x"})
call("revoke", "POST", "/api/task/revoke/" + later["task-id"] + "?terminate=true&signal=SIGKILL")
call("abort", "POST", "/api/task/abort/" + eventual["task-id"])
call("queues length", "GET", "/api/queues/length")
call("workers json", "GET", "/workers?json=1")
call("healthcheck", "GET", "/healthcheck")
metrics = call("metrics", "GET", "/metrics")
CALLS["metrics"]["body"] = sorted({line.split("{")[0].split(" ")[0] for line in metrics.splitlines()
                                   if line.startswith("flower_")})
call("shutdown unknown", "POST", "/api/worker/shutdown/nobody")
call("shutdown", "POST", "/api/worker/shutdown/" + worker)

print(json.dumps(CALLS))
