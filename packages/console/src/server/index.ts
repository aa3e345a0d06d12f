/** The web console as a part of a program: `lovage console` runs this very class. */
export { hashPassword } from "./auth/password.js";
export { LovageConsole, type LovageConsoleOptions } from "./console.js";
export { AUTH_MODES, type AuthMode, type ConsoleOptions } from "./console-options.js";
