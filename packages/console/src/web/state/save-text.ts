/** Offers a text as a file to save. */
export function saveText(fileName: string, text: string, type = "text/plain"): void {
  saveBlob(fileName, new Blob([text], { type: `${type};charset=utf-8` }));
}

/** Offers a file to save. */
export function saveBlob(fileName: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  // A task may be named anything; a file may not.
  link.download = fileName.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 120);
  link.click();
  // The download has begun by then; at once would be too early for some browsers.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
