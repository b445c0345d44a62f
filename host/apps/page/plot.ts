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

/** What changes in a plot. */
interface Parts {
  readonly options: PlotOptions;
  readonly svg: SVGSVGElement;
  readonly area: SVGPathElement;
  readonly losses: SVGPathElement;
  readonly lines: readonly SVGPathElement[];
  /** At the lines' names. */
  readonly latest: readonly HTMLElement[];
  /** Of the scale, from the top down. */
  readonly labels: readonly HTMLElement[];
}

export class LivePlot extends HTMLElement {
  #parts: Parts | undefined;

  /** Makes an empty plot; once. */
  begin(options: PlotOptions): void {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    const grid = createPath("grid");
    grid.setAttribute("d", [0, HEIGHT / 2, HEIGHT].map((y) => `M0 ${y}H${WIDTH}`).join(""));
    const [area, losses] = [createPath("area"), createPath("losses")];
    const lines = options.lines.map((_name, index) => createPath(`line line-${index}`));
    // The first line on top.
    svg.append(grid, area, losses, ...[...lines].reverse());

    const key = create("div", "key");
    const latest = options.lines.map(() => create("b"));
    const entries = options.lines.map((name, index) => create("span", `entry entry-${index}`, name));
    for (const [index, entry] of entries.entries()) entry.append(latest[index] as HTMLElement);
    key.append(create("h3", "", options.title), ...entries);

    const [scale, times] = [create("div", "scale"), create("div", "times")];
    const labels = [0, 1, 2].map(() => create("span"));
    scale.append(...labels);
    times.append(...["60 s ago", "30 s", "now"].map((text) => create("span", "", text)));
    // The drawing's label says it in words.
    for (const element of [scale, times]) element.setAttribute("aria-hidden", "true");
    this.append(key, svg, scale, times);
    this.#parts = { options, svg, area, losses, lines, latest, labels };
    this.show([], 0);
  }

  /** Draws `points`, oldest first, with `now` at the right edge. */
  show(points: readonly Point[], now: number): void {
    if (!this.#parts) throw new Error("begin() comes first");
    const { options, svg, area, losses, lines, latest, labels } = this.#parts;
    const highest = Math.max(0, ...points.flatMap(({ values }) => values));
    const top = roundUp(Math.max(highest, options.least));
    const x = ({ at }: Point) => round(WIDTH * (1 - (now - at) / SPAN_MS));
    const y = (value: number) => round(HEIGHT * (1 - value / top));
    const traces = runs(points);
    const draw = (path: SVGPathElement, parts: readonly string[]) => path.setAttribute("d", parts.join(""));
    for (const [line, path] of lines.entries())
      draw(
        path,
        traces.map((run) => trace(run, line, x, y)),
      );
    draw(
      area,
      traces.map((run) => `${trace(run, 0, x, y)}V${HEIGHT}H${x(run[0] as Point)}Z`),
    );
    draw(
      losses,
      points.filter(({ lost }) => lost).map((point) => `M${x(point)} 0V${HEIGHT}`),
    );
    for (const [index, label] of labels.entries())
      label.textContent = options.format(top * (1 - index / 2)).replace(/\.0+ /, " ");
    const last = points.at(-1);
    for (const [line, element] of latest.entries())
      element.textContent = last ? options.format(last.values[line] ?? 0) : "";
    svg.setAttribute("aria-label", describe(options, points, highest));
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

function createPath(name: string): SVGPathElement {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", name);
  return path;
}

function create(tag: string, name = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}
