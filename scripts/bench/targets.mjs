// What the figures should come to. docs/benchmarks.md has a paragraph for each that is missed.

/** The part, row and column of a figure; the most that it should be, and the most that it could be. `least`: at least. */
export const TARGETS = [
  ...["RX", "TX", "RR", "CONN", "TICK16"].map((column, index) => ({
    part: "instructions",
    row: "aot rv32imc",
    column,
    target: [6000, 6300, 3600, 9500, 300][index],
    stretch: [4500, 4900, 3000, 7000, 100][index],
  })),
  { part: "instructions", row: "wasm3 rv32imc", column: "TICK16", target: 300, stretch: 100 },
  ...["RX", "TX"].flatMap((column) => [
    { part: "instructions", row: "wasm3 rv32imc", column, target: 34000, stretch: 29000 },
    {
      part: "instructions",
      row: "wasm3 rv32imc, checksums in native code: all but these",
      column,
      target: 11000,
      stretch: 8500,
    },
  ]),
  { part: "heap", row: "rv32imc", column: "all", target: 80 * 1024, stretch: 65 * 1024 },
  ...["boot", "work"].flatMap((column) => [
    { part: "stack", row: "wasm3 rv32imc", column, target: 4 * 1024, stretch: 3 * 1024 },
    { part: "stack", row: "wasm3 xtensa", column, target: 12 * 1024, stretch: 8 * 1024 },
  ]),
  { part: "flash", row: "aot rv32imc -Os", column: "core.c", target: 35 * 1024, stretch: 28 * 1024 },
  ...["from it", "to it"].map((column) => ({
    part: "throughput",
    row: "Ferrule, v8",
    column,
    target: 0.05,
    stretch: 0.15,
    least: true,
  })),
];

/** A line for each target, of the parts that were measured: name, target, stretch, figure, and whether that is met. */
export function targetRows(parts) {
  return TARGETS.map(({ part, row, column, target, stretch, least }) => {
    const { head = [], rows = [] } = parts[part] ?? {};
    const found = rows.find(({ name }) => name === row)?.values?.[head.indexOf(column)];
    const isMet = (limit) => (least ? Number(found) >= limit : Number(found) <= limit);
    const verdict = isMet(stretch) ? "met, stretch too" : isMet(target) ? "met" : "missed";
    const values = [target, stretch, found ?? "not measured", found === undefined ? "" : verdict];
    return { name: `${part}: ${row}, ${column}`, values: values.map(plain) };
  });
}

function plain(value) {
  return typeof value === "number" && value >= 1 ? value : String(value);
}
