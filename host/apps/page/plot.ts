// <live-plot>: lines over the last minute, as SVG. It takes its width from the page and its colours from the style.

/** How much time a plot shows, in milliseconds. */
const SPAN_MS = 60_000;

/** Points further apart than this are not joined: the stream was interrupted. In milliseconds. */
const GAP_MS = 1500;

/** The drawing's own units; the style stretches it. */
const WIDTH = 600;
const HEIGHT = 100;

const SVG = "http://www.w3.org/2000/svg";

/** What a plot shows, and how its numbers are written. */
export interface PlotOptions {
  readonly title: string;
  /** Names of the lines, first the one that matters most: it is filled. */
  readonly lines: readonly string[];
  /** The scale never ends below this. */
  readonly least: number;
  /** A value with its unit. */
  format(value: number): string;
}

export interface Point {
  /** Milliseconds of the page's clock. */
  readonly at: number;
  /** One for each line. */
  readonly values: readonly number[];
  /** Whether something was retransmitted since the point before. */
  readonly lost: boolean;
}

export class LivePlot extends HTMLElement {
  #options: PlotOptions | undefined;
  #labels: HTMLElement[] = [];
  #nows: HTMLElement[] = [];
  #paths: SVGPathElement[] = [];
  #area: SVGPathElement | undefined;
  #losses: SVGPathElement | undefined;
  #drawing: SVGSVGElement | undefined;

  /** Makes an empty plot; once. */
  begin(options: PlotOptions): void {
    this.#options = options;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    const grid = addPath(svg, "grid");
    grid.setAttribute("d", [0, HEIGHT / 2, HEIGHT].map((y) => `M0 ${y}H${WIDTH}`).join(""));
    this.#area = addPath(svg, "area");
    this.#losses = addPath(svg, "losses");
    // The first line on top.
    this.#paths = options.lines.map((_name, index) => addPath(svg, `line line-${index}`)).reverse();
    svg.append(...this.#paths);
    this.#paths.reverse();
    this.#drawing = svg;
    const scale = addTo(undefined, "div", "scale");
    this.#labels = [0, 1, 2].map(() => addTo(scale, "span"));
    scale.setAttribute("aria-hidden", "true");
    const times = addTo(undefined, "div", "times");
    times.append(...["60 s ago", "30 s", "now"].map((text) => addTo(undefined, "span", "", text)));
    times.setAttribute("aria-hidden", "true");
    this.append(this.#key(options), svg, scale, times);
    this.show([], 0);
  }

  /** Draws `points`, oldest first, with `now` at the right edge. */
  show(points: readonly Point[], now: number): void {
    const options = this.#options;
    if (!options) throw new Error("begin() comes first");
    const highest = Math.max(0, ...points.flatMap(({ values }) => values));
    const top = roundUp(Math.max(highest, options.least));
    const x = ({ at }: Point) => round(WIDTH * (1 - (now - at) / SPAN_MS));
    const y = (value: number) => round(HEIGHT * (1 - value / top));
    for (const [line, path] of this.#paths.entries())
      path.setAttribute(
        "d",
        runs(points)
          .map((run) => trace(run, line, x, y))
          .join(""),
      );
    const area = runs(points).map((run) => `${trace(run, 0, x, y)}V${HEIGHT}H${x(run[0] as Point)}Z`);
    this.#area?.setAttribute("d", area.join(""));
    const losses = points.filter(({ lost }) => lost).map((point) => `M${x(point)} 0V${HEIGHT}`);
    this.#losses?.setAttribute("d", losses.join(""));
    for (const [index, label] of this.#labels.entries())
      label.textContent = options.format(top * (1 - index / 2)).replace(/\.0+ /, " ");
    const last = points.at(-1);
    for (const [line, now] of this.#nows.entries())
      now.textContent = last ? options.format(last.values[line] ?? 0) : "";
    this.#drawing?.setAttribute("aria-label", describe(options, points, highest));
  }

  /** Heading, and each line's name with its value now. */
  #key({ title, lines }: PlotOptions): HTMLElement {
    const key = addTo(undefined, "div", "key");
    addTo(key, "h3", "", title);
    for (const [index, name] of lines.entries()) {
      const entry = addTo(key, "span", `entry entry-${index}`, name);
      this.#nows.push(addTo(entry, "b"));
    }
    return key;
  }
}

customElements.define("live-plot", LivePlot);

function describe({ title, lines, format }: PlotOptions, points: readonly Point[], highest: number): string {
  const last = points.at(-1);
  if (!last) return `${title}: nothing yet`;
  const values = lines.map((name, line) => `${name} ${format(last.values[line] ?? 0)}`);
  const losses = points.filter(({ lost }) => lost).length;
  const lost = losses > 0 ? `; retransmissions at ${losses} moments` : "";
  return `${title}, last 60 seconds. Now ${values.join(", ")}; highest ${format(highest)}${lost}.`;
}

/** Points in a row without a gap. */
function runs(points: readonly Point[]): Point[][] {
  const found: Point[][] = [];
  let before: Point | undefined;
  for (const point of points) {
    if (before && point.at - before.at <= GAP_MS) found.at(-1)?.push(point);
    else found.push([point]);
    before = point;
  }
  return found;
}

function trace(
  run: readonly Point[],
  line: number,
  x: (point: Point) => number,
  y: (value: number) => number,
): string {
  return `M${run.map((point) => `${x(point)} ${y(point.values[line] ?? 0)}`).join("L")}`;
}

/** 1, 2 or 5 with zeros: the first that is not below `value`. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => digit * power >= value) ?? 10) * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function addPath(svg: SVGSVGElement, name: string): SVGPathElement {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", name);
  svg.append(path);
  return path;
}

function addTo(parent: HTMLElement | undefined, tag: string, name = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  parent?.append(element);
  return element;
}
