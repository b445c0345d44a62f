// The page's style and scripts, as the build left them, and the Content-Security-Policy that allows these and nothing
// else. They stand in the document itself: one request brings all of the page.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Advice } from "../advice.js";

/** Where `npm run build` puts them, seen from this file and from what it is compiled to. */
const FOLDER = new URL(
  import.meta.url.endsWith(".ts") ? "../../build/page/" : "../../page/",
  import.meta.url,
);

export interface PageFiles {
  readonly style: string;
  /** Modules, in this order. */
  readonly scripts: readonly string[];
  /** Value of the header Content-Security-Policy. */
  readonly policy: string;
}

/** Reads the files. Throws Advice when they are missing: `npm run build` makes them. */
export function readPageFiles(): PageFiles {
  const style = read("style.css");
  const scripts = [read("plot.js"), read("live.js")];
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(sourceOf).join(" ")}`,
    `style-src ${sourceOf(style)}`,
    "connect-src 'self'",
    // The empty icon, which keeps browsers from asking for one.
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { style, scripts, policy };
}

function read(name: string): string {
  let text: string;
  try {
    text = readFileSync(new URL(name, FOLDER), "utf8");
  } catch (error) {
    throw new Advice(`the page's ${name} is missing: run npm run build (${(error as Error).message})`);
  }
  // It would end the element that it stands in.
  if (/<\/(script|style)/i.test(text)) throw new Error(`the page's ${name} has a closing tag in it`);
  return text;
}

/** A source expression that allows exactly this text. */
function sourceOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
