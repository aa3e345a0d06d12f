import type { JobDetail } from "../../../api/jobs.js";

type Fields = Readonly<Record<string, unknown>>;

/** What an earlier run of a job would be given again: its parameters without those that the job fixes, or does not ask for. */
export function rerunParameters(job: Pick<JobDetail, "form" | "fixed">, parameters: Fields): Fields {
  const { form, fixed } = job;
  if (form === null) {
    return {};
  }
  const asked = membersOf(form);
  const open = Object.keys(asked).length === 0;
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => (open ? !Object.hasOwn(fixed, name) : Object.hasOwn(asked, name))),
  );
}

function membersOf(form: Fields): Fields {
  const { properties } = form;
  return typeof properties === "object" && properties !== null && !Array.isArray(properties) ? { ...properties } : {};
}
