import { ConfigurationError } from "../../errors.js";

export type ResultLayout =
  | { readonly kind: "lovage" }
  | { readonly kind: "django"; readonly schema: string | undefined };

/**
 * Reads the options `layout` ("lovage", the default, or "django") and `djangoSchema`, the schema of Django's tables (by default where the
 * search path of the database's user finds them). Throws a `ConfigurationError`.
 */
export function readLayout({ layout = "lovage", djangoSchema }: Readonly<Record<string, unknown>>): ResultLayout {
  if (layout !== "lovage" && layout !== "django")
    throw bad(`layout must be lovage or django, not ${JSON.stringify(layout)}`);
  if (layout === "lovage") {
    if (djangoSchema !== undefined) throw bad("djangoSchema goes with layout=django only");
    return { kind: layout };
  }
  if (djangoSchema !== undefined && (typeof djangoSchema !== "string" || !/^[^\0"]{1,63}$/.test(djangoSchema)))
    throw bad(`djangoSchema must be the name of a schema, not ${JSON.stringify(djangoSchema)}`);
  return { kind: layout, schema: djangoSchema };
}

function bad(message: string): ConfigurationError {
  return new ConfigurationError(`the PostgreSQL result backend's ${message}`, { code: "bad_url" });
}
