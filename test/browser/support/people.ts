import type { Page } from "playwright-core";
import { hashPassword } from "../../../packages/console/src/server/auth/password.js";
import type { ConsoleOptions } from "../../../packages/console/src/server/console-options.js";

/** Somebody who may enter a console with logins. */
export interface Person {
  readonly name: string;
  readonly role: "admin" | "operator" | "viewer";
  readonly password: string;
}

export const ADMIN: Person = { name: "ann", role: "admin", password: "correct horse" };
export const VIEWER: Person = { name: "vic", role: "viewer", password: "battery staple" };

/** A console that asks these for their password. */
export async function withLogins(...people: readonly Person[]): Promise<Partial<ConsoleOptions>> {
  const users = people.map(async ({ name, role, password }) => `${name}:${role}:${await hashPassword(password)}`);
  return { auth: "basic", users: await Promise.all(users) };
}

/** Fills in the page that asks who one is. */
export async function logIn(page: Page, { name, password }: Pick<Person, "name" | "password">): Promise<void> {
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByLabel(/^Password/).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}
