"""
Django with django-celery-results on a schema of a PostgreSQL database, for tests of layout=django.

    python3 django_results.py DATABASE_URL SCHEMA

Reads commands from standard input, one JSON array a line, and answers each with one line of JSON:

    ["migrate"]            runs Django's own migrations; answers with the columns of the result tables
    ["orm", ID]            the row as Django's ORM has it
    ["get", ID]            what Celery's AsyncResult says
    ["store", ID, STATE, RESULT, TRACEBACK, EXTENDED]    stores as Celery's worker does
    ["group", ID, [ID, …]] saves a group; ["restore", ID] ids of a group's members
    ["wait", ID]           waits for a result as a Python client does
"""
import json
import sys
from types import SimpleNamespace
from urllib.parse import urlsplit

import django
from django.conf import settings

url = urlsplit(sys.argv[1])
settings.configure(
    INSTALLED_APPS=["django_celery_results"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "PASSWORD": url.password or "",
            "HOST": url.hostname,
            "PORT": url.port or 5432,
            "OPTIONS": {"options": "-c search_path=" + sys.argv[2]},
        }
    },
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()

from celery import Celery  # noqa: E402
from celery.result import AsyncResult, GroupResult  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django_celery_results.models import TaskResult  # noqa: E402

app = Celery("django-results", broker="memory://", backend="django-db")
app.conf.update(result_extended=True, accept_content=["json"], result_serializer="json")


def migrate():
    call_command("migrate", "django_celery_results", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable"
            " FROM information_schema.columns WHERE table_schema = %s AND table_name LIKE 'django_celery_results_%%'"
            " ORDER BY 1, 2",
            [sys.argv[2]],
        )
        return cursor.fetchall()


def orm(task_id):
    row = TaskResult.objects.get(task_id=task_id)
    names = [field.name for field in TaskResult._meta.fields]
    return {name: getattr(row, name) for name in names}


def get(task_id):
    result = AsyncResult(task_id, app=app)
    value = result.result
    is_error = isinstance(value, BaseException)
    return {
        "status": result.status,
        "result": None if is_error else value,
        "error": [type(value).__name__, [str(arg) for arg in value.args]] if is_error else None,
        "traceback": result.traceback,
        # Celery makes results of the children only once a task has ended.
        "children": [child.id for child in result.children or []] if result.ready() else [],
        "name": result.name,
        "args": result.args,
        "kwargs": result.kwargs,
        "worker": result.worker,
        "date_done": result.date_done,
    }


def store(task_id, state, result, traceback, extended):
    app.conf.result_extended = extended
    request = SimpleNamespace(
        id=task_id, task="proj.add", argsrepr="(1, 2)", kwargsrepr="{}", hostname="celery@python", properties={},
        children=[], chord=None, group=None, errbacks=None,
    )
    value = ValueError(*result) if state in ("FAILURE", "RETRY") else result
    app.backend.store_result(task_id, value, state, traceback=traceback, request=request)


def group(group_id, ids):
    GroupResult(group_id, [AsyncResult(task_id, app=app) for task_id in ids], app=app).save(backend=app.backend)


def restore(group_id):
    return [member.id for member in GroupResult.restore(group_id, backend=app.backend, app=app).results]


def wait(task_id):
    return AsyncResult(task_id, app=app).get(timeout=20, interval=0.05)


commands = {f.__name__: f for f in (migrate, orm, get, store, group, restore, wait)}
for line in sys.stdin:
    name, *args = json.loads(line)
    try:
        answer = {"ok": commands[name](*args)}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer, default=str), flush=True)
