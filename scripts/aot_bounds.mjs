// Leaves out bounds checks that others make needless. A record is read and written field by field through one address,
// and wasm2c checks each access. Here the first access through an address checks as far as those reach that follow it for
// certain, and these go unchecked, as do all that lie within what was checked on every way to them.
//
// The text is wasm2c's, a statement a line, after scripts/aot.mjs has written accesses as `i32_load(address, offset)`.
// What is not understood ends with an error. Built with -DFERRULE_AOT_VERIFY, all checks are made and an access that
// should have lain within ends the program: the sanitizers' builds are made so.

/** Bytes of an access by the end of its name. */
const SIZES = { load: 4, store: 4, load8: 1, store8: 1, load16: 2, store16: 2, load32: 4, store32: 4 };

const ACCESS = /\b(i(32|64)_((?:load|store)\d*)(?:_[us])?)\((\w+), (\d+)u/;

/**
 * Marks the accesses of `text`, C of whole functions: AOT_WITHIN goes unchecked, AOT_REACH(address, end) checks for several. `most`: no check may reach beyond this many bytes.
 */
export function withReach(text, most) {
  const lines = text.split("\n");
  const output = [];
  let begin = -1;
  for (const [index, line] of lines.entries()) {
    if (begin < 0 && /^\w.*\(.*w2c_core\* instance.*\) \{$/.test(line)) begin = index;
    if (begin < 0) output.push(line);
    else if (line === "}") {
      output.push(...ofFunction(lines.slice(begin, index + 1), most));
      begin = -1;
    }
  }
  return output.join("\n");
}

/**
 * What is known on a way through a function: each variable holds a value, a number; of a value it is known how far
 * beyond it memory reaches. Null: no way leads here.
 */
class Knowledge {
  constructor(values = new Map(), reach = new Map()) {
    this.values = values;
    this.reach = reach;
  }

  copy() {
    return new Knowledge(new Map(this.values), new Map(this.reach));
  }
}

function ofFunction(lines, most) {
  const output = [];
  const labels = new Map();
  const blocks = [];
  let values = 0;
  let now = new Knowledge();

  const valueOf = (variable) => {
    if (!now.values.has(variable)) now.values.set(variable, ++values);
    return now.values.get(variable);
  };
  /** What is known where several ways meet. */
  const meet = (ways) => {
    const [first, ...others] = ways.filter((way) => way !== null);
    if (!first) return null;
    const met = first.copy();
    for (const other of others) {
      for (const [variable, value] of met.values)
        if (other.values.get(variable) !== value) met.values.set(variable, ++values);
      for (const variable of other.values.keys())
        if (!met.values.has(variable)) met.values.set(variable, ++values);
      for (const [value, end] of met.reach) {
        const least = Math.min(end, other.reach.get(value) ?? 0);
        if (least > 0) met.reach.set(value, least);
        else met.reach.delete(value);
      }
    }
    return met;
  };
  const leave = (label) => {
    if (now) labels.set(label, [...(labels.get(label) ?? []), now.copy()]);
  };
  /** Whoever jumps back to a loop's label has been through the lines up to the last jump. */
  const enterLoop = (index, label) => {
    const last = lines.findLastIndex((line) => line.includes(`goto ${label};`));
    for (const line of lines.slice(index, last + 1))
      for (const statement of statementsOf(line)) {
        const variable = assigned(statement);
        if (variable) now.values.set(variable, ++values);
      }
  };
  const access = (index, statement) => {
    const found = ACCESS.exec(statement);
    if (!found || !now) return statement;
    const [, name, bits, kind, address, offset] = found;
    const end = Number(offset) + sizeOf(bits, kind);
    const value = valueOf(address);
    if ((now.reach.get(value) ?? 0) < end) {
      const furthest = Math.max(end, furthestOf(lines, index, now.values, value, most));
      now.reach.set(value, furthest);
      if (furthest === end) return statement;
      output.push(`AOT_REACH(${address}, ${furthest}u);`);
    }
    return statement.replace(`${name}(`, `AOT_WITHIN(${name}, `);
  };

  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    const label = /^(\w+):;?$/.exec(text)?.[1];
    const jump = /^if \((\w+)\) \{goto (\w+);\}$/.exec(text);
    const chosen = /^(?:case \d+|default): goto (\w+);$/.exec(text);
    if (index === 0 || /^(#|\/\*|$)/.test(text)) output.push(line);
    else if (label) {
      now = meet([now, ...(labels.get(label) ?? [])]);
      if (now && lines.slice(index).some((later) => later.includes(`goto ${label};`))) enterLoop(index, label);
      output.push(line);
    } else if (jump || chosen) {
      leave(jump ? jump[2] : chosen[1]);
      output.push(line);
    } else if (/^(if|switch) \(\w+\) \{$/.test(text)) {
      blocks.push({ before: now?.copy() ?? null, isSwitch: text.startsWith("switch"), other: null });
      output.push(line);
    } else if (text === "} else {") {
      const block = blocks.at(-1);
      block.other = { end: now };
      now = block.before?.copy() ?? null;
      output.push(line);
    } else if (/^\};?$/.test(text) && index < lines.length - 1) {
      const block = blocks.pop();
      // Each case of a switch, and its default, is a jump.
      if (block.isSwitch) now = null;
      else now = meet([now, block.other ? block.other.end : block.before]);
      output.push(line);
    } else if (text === "}") output.push(line);
    else {
      // An access stands alone in its line.
      output.push(access(index, line));
      for (const statement of statementsOf(text)) {
        const goal = /^goto (\w+)$/.exec(statement)?.[1];
        if (goal) leave(goal);
        if (goal || /^return\b|^UNREACHABLE$/.test(statement)) now = null;
        const variable = assigned(statement);
        if (!variable || !now) continue;
        const source = new RegExp(`^${variable} = ([a-z]\\w*)$`).exec(statement)?.[1];
        now.values.set(variable, source ? valueOf(source) : ++values);
      }
    }
  }
  if (blocks.length > 0) throw new Error("wasm2c's output has changed: braces");
  return output;
}

/** How far the accesses through `value` reach that follow for certain after line `index`. */
function furthestOf(lines, index, valuesNow, value, most) {
  const names = new Set([...valuesNow].filter(([, held]) => held === value).map(([name]) => name));
  let furthest = 0;
  for (const line of lines.slice(index)) {
    const text = line.trim();
    if (/^(if|switch|goto|return|case|default|\}|UNREACHABLE)|:;?$|\bgoto\b/.test(text)) break;
    for (const statement of statementsOf(text)) {
      const [, , bits, kind, address, offset] = ACCESS.exec(statement) ?? [];
      const end = Number(offset) + (kind ? sizeOf(bits, kind) : 0);
      if (names.has(address) && end <= most) furthest = Math.max(furthest, end);
      const variable = assigned(statement);
      if (!variable) continue;
      if (names.has(/^\w+ = (\w+)$/.exec(statement)?.[1])) names.add(variable);
      else names.delete(variable);
    }
  }
  return furthest;
}

function statementsOf(text) {
  return text
    .trim()
    .split(/;\s*/)
    .filter((statement) => statement !== "");
}

/** The variable that a statement gives another value. */
function assigned(statement) {
  return /^(?:u32 |u64 )?(\w+) (?:[-+*&|^]|<<|>>)?= /.exec(statement)?.[1];
}

function sizeOf(bits, kind) {
  const size = kind === "load" || kind === "store" ? Number(bits) / 8 : SIZES[kind];
  if (!size) throw new Error(`wasm2c's output has changed: ${kind}`);
  return size;
}
