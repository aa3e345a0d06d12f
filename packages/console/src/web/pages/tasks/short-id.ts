/** The beginning of an id, enough to tell tasks of one page apart; ids of people's own making stay whole up to 13 characters. */
export function shortId(id: string): string {
  return id.length <= 13 ? id : `${id.slice(0, 8)}…`;
}
