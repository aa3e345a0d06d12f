import type { JobDetail } from "../../../api/jobs.js";
import { type Fields, fieldsOf } from "../../components/json-fields.js";

/** What an earlier run of a job would be given again: its parameters without those that the job fixes, or does not ask for. */
export function rerunParameters(job: Pick<JobDetail, "form" | "fixed">, parameters: Fields): Fields {
  const { form, fixed } = job;
  if (form === null) {
    return {};
  }
  const asked = fieldsOf(form.properties);
  const open = Object.keys(asked).length === 0;
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => (open ? !Object.hasOwn(fixed, name) : Object.hasOwn(asked, name))),
  );
}
