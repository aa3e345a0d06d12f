/**
 * The tables of django-celery-results as its migrations make them. Source: celery-protocol 5.6; 2.6 has `date_started` besides.
 * `test/backends/django.test.ts` compares them with those that Django itself makes.
 */
export function djangoTables(schema: string, version: "2.4" | "2.6"): string {
  return `
CREATE TABLE ${schema}.django_celery_results_taskresult (
  id serial PRIMARY KEY, task_id varchar(255) NOT NULL UNIQUE, status varchar(50) NOT NULL,
  content_type varchar(128) NOT NULL, content_encoding varchar(64) NOT NULL, result text, date_done timestamptz NOT NULL,
  traceback text, meta text, task_args text, task_kwargs text, task_name varchar(255), worker varchar(100),
  date_created timestamptz NOT NULL, periodic_task_name varchar(255)${version === "2.6" ? ", date_started timestamptz" : ""}
);
CREATE INDEX ON ${schema}.django_celery_results_taskresult (date_done);
CREATE TABLE ${schema}.django_celery_results_groupresult (
  id serial PRIMARY KEY, group_id varchar(255) NOT NULL UNIQUE, date_created timestamptz NOT NULL, date_done timestamptz NOT NULL,
  content_type varchar(128) NOT NULL, content_encoding varchar(64) NOT NULL, result text
);
CREATE TABLE ${schema}.django_celery_results_chordcounter (
  id serial PRIMARY KEY, group_id varchar(255) NOT NULL UNIQUE, sub_tasks text NOT NULL, count integer NOT NULL CHECK (count >= 0)
);`;
}
