import tseslint from "typescript-eslint";

/**
 * Only what Biome cannot see. Biome's own rule missed promises whose type comes from another package (`timers/promises`,
 * a store's client), which are the ones that bite: these two rules ask the compiler.
 * Which part may import which is checked by scripts/check-imports.mjs.
 */
export default [
  { ignores: ["**/dist/**", "**/node_modules/**", "**/*.d.ts", "**/*.js", "**/*.mjs"] },
  {
    files: ["**/*.ts"],
    // Pages have types of their own (no Node, but a document): see below.
    ignores: ["packages/console/src/web/**", "packages/console/test/web/**"],
    // Biome's suppressions and ours do not share a syntax; an unused one of ours is a lie about the code.
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: ["./tsconfig.lint.json"], tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      // A promise nobody waits for fails where nobody sees it, and ends the process.
      "@typescript-eslint/no-floating-promises": "error",
      // An async function where a plain one is expected is the same mistake in disguise.
      "@typescript-eslint/no-misused-promises": "error",
    },
  },
  {
    files: ["packages/console/src/web/**/*.{ts,tsx}", "packages/console/test/web/**/*.ts"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        project: ["./packages/console/src/web/tsconfig.json", "./packages/console/test/web/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      // What an attribute's function returns is nobody's business in React: handlers may be written as one expression.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: ["packages/*/src/**/*.{ts,tsx}"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "Program > VariableDeclaration[kind='let'], Program > ExportNamedDeclaration > VariableDeclaration[kind='let']",
          message:
            "State belongs to an app or a service, never to a module: two apps in one process must not share it.",
        },
      ],
    },
  },
];
