import { type ReactNode, useState } from "react";
import type { JobDetail } from "../../../api/jobs.js";
import { ApiProblem, api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useOpenPath } from "../../components/app-link.js";
import { paths } from "../../paths.js";
import { useNotify } from "../../state/app-context.js";
import { problemNotice } from "../../state/notice-board.js";
import { type JobToRun, runInTheWay, StartRunDialog } from "./start-run.js";

type Fields = Readonly<Record<string, unknown>>;

export interface RunJob {
  /** A press of Run: a job that asks for nothing starts at once, any other opens its form. */
  readonly run: (job: JobToRun) => void;
  /** Starts with these parameters, and asks for nothing. */
  readonly start: (job: JobToRun, parameters: Fields) => void;
  /** Opens the form. */
  readonly edit: (job: JobToRun) => void;
  readonly pending: boolean;
  /** Has to be shown somewhere. */
  readonly dialog: ReactNode;
}

/** Starts runs and goes to them; a refusal names the run in the way. */
export function useRunJob(): RunJob {
  const openPath = useOpenPath();
  const notify = useNotify();
  const [asked, setAsked] = useState<JobToRun>();
  const refuse = (job: JobToRun, { problem }: ApiProblem) => {
    const inTheWay = runInTheWay(problem);
    notify({
      ...problemNotice(`${job.title} was not started`, problem),
      ...(inTheWay !== undefined && { link: { label: "Open the run in the way", to: paths.run(job.slug, inTheWay) } }),
    });
  };
  const press = useAction(
    async (key, job: JobToRun, parameters: Fields | undefined) => {
      if (parameters === undefined) {
        const detail = await api.get<JobDetail>(apiPath`jobs/${job.slug}`);
        if (detail.form !== null) {
          setAsked(job);
          return;
        }
      }
      try {
        const { id } = await api.post<{ readonly id: string }>(
          apiPath`jobs/${job.slug}/runs`,
          { parameters: parameters ?? {} },
          { idempotencyKey: key },
        );
        openPath(paths.run(job.slug, id));
      } catch (error) {
        // Without an answer it may have started: the same press again must not start a second run, so the key has to stay.
        if (!(error instanceof ApiProblem) || error.status === 0) {
          throw error;
        }
        refuse(job, error);
      }
    },
    { failed: "The job was not started", refresh: ["jobs", "tasks"] },
  );
  return {
    run: (job) => press.run(job, undefined),
    start: (job, parameters) => press.run(job, parameters),
    edit: setAsked,
    pending: press.pending,
    dialog: asked !== undefined && <StartRunDialog job={asked} onClose={() => setAsked(undefined)} />,
  };
}
