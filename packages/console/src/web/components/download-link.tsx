import { type MouseEvent, useState } from "react";
import { api, apiUrl } from "../api/client.js";
import { useNotify } from "../state/app-context.js";
import { saveBlob } from "../state/save-text.js";

export interface DownloadLinkProps {
  /** Of the API, as `apiPath` makes it. */
  readonly path: string;
  /** What it does, for those who hear and do not see what stands beside it. */
  readonly label: string;
}

/** A file of the API to be saved. One that the server refuses is answered by its reason, where a plain link would save the refusal. */
export function DownloadLink({ path, label }: DownloadLinkProps) {
  const notify = useNotify();
  const [pending, setPending] = useState(false);
  const save = async (): Promise<void> => {
    setPending(true);
    try {
      const { blob, fileName } = await api.download(path);
      saveBlob(fileName, blob);
    } catch (error) {
      notify({
        kind: "problem",
        text: `It could not be downloaded: ${error instanceof Error ? error.message : error}`,
      });
    } finally {
      setPending(false);
    }
  };
  const onClick = (event: MouseEvent): void => {
    // In a new tab, or as a copied address, it is a link as any other.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!pending) void save();
  };
  return (
    <a href={apiUrl(path)} download onClick={onClick} aria-label={label} aria-busy={pending}>
      Download
    </a>
  );
}
