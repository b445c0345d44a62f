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
      output.push(...new Walk(lines.slice(begin, index + 1), most).output);
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

/** One walk through a function, line by line. */
class Walk {
  output = [];
  /** What is known on each way to a label further down. */
  #labels = new Map();
  #blocks = [];
  /** Numbers given out to values. */
  #values = 0;
  #now = new Knowledge();
  #lines;
  #most;

  constructor(lines, most) {
    this.#lines = lines;
    this.#most = most;
    for (const [index, line] of lines.entries()) this.#take(index, line);
    if (this.#blocks.length > 0) throw changed("braces");
  }

  #take(index, line) {
    const text = line.trim();
    const label = /^(\w+):;?$/.exec(text)?.[1];
    const jump = /^(?:if \(\w+\) \{|case \d+: |default: )goto (\w+);\}?$/.exec(text)?.[1];
    const isLast = index === this.#lines.length - 1;
    if (index === 0 || isLast || /^(#|\/\*|$)/.test(text)) this.output.push(line);
    else if (/^(case|default)\b/.test(text) && !jump) throw changed(text);
    else if (label || jump || /[{}]/.test(text)) {
      if (label) this.#enter(index, label);
      else if (jump) this.#leaveTo(jump);
      else this.#takeBrace(text);
      this.output.push(line);
    } else this.#takeStatements(index, line);
  }

  #takeStatements(index, line) {
    // An access stands alone in its line.
    this.output.push(this.#access(index, line));
    for (const statement of statementsOf(line)) {
      const goal = /^goto (\w+)$/.exec(statement)?.[1];
      if (goal) this.#leaveTo(goal);
      if (goal || /^return\b|^UNREACHABLE$/.test(statement)) this.#now = null;
      const variable = assigned(statement);
      if (!variable && /[^=!<>]=[^=]/.test(statement) && !/^(u32|u64) /.test(statement))
        throw changed(statement);
      if (!variable || !this.#now) continue;
      const source = new RegExp(`^${variable} = ([a-z]\\w*)$`).exec(statement)?.[1];
      this.#now.values.set(variable, source ? this.#valueIn(source) : ++this.#values);
    }
  }

  #takeBrace(text) {
    if (/^(if|switch) \(\w+\) \{$/.test(text)) {
      const before = this.#now?.copy() ?? null;
      this.#blocks.push({ before, isSwitch: text.startsWith("switch"), other: null });
    } else if (text === "} else {") {
      const block = this.#blocks.at(-1);
      block.other = { end: this.#now };
      this.#now = block.before?.copy() ?? null;
    } else if (/^\};?$/.test(text)) {
      const { isSwitch, other, before } = this.#blocks.pop();
      // Each case of a switch, and its default, is a jump.
      this.#now = isSwitch ? null : this.#meet([this.#now, other ? other.end : before]);
    } else throw changed(text);
  }

  #enter(index, label) {
    this.#now = this.#meet([this.#now, ...(this.#labels.get(label) ?? [])]);
    if (!this.#now) return;
    // Whoever jumps back to a loop's label has been through the lines up to the last jump.
    const last = this.#lines.findLastIndex((line) => line.includes(`goto ${label};`));
    for (const line of this.#lines.slice(index, last + 1))
      for (const statement of statementsOf(line)) {
        const variable = assigned(statement);
        if (variable) this.#now.values.set(variable, ++this.#values);
      }
  }

  #leaveTo(label) {
    if (this.#now) this.#labels.set(label, [...(this.#labels.get(label) ?? []), this.#now.copy()]);
  }

  /** What is known where several ways meet. */
  #meet(ways) {
    const [first, ...others] = ways.filter((way) => way !== null);
    if (!first) return null;
    const met = first.copy();
    for (const other of others) {
      for (const variable of new Set([...met.values.keys(), ...other.values.keys()]))
        if (met.values.get(variable) !== other.values.get(variable)) met.values.set(variable, ++this.#values);
      for (const [value, end] of met.reach) {
        const least = Math.min(end, other.reach.get(value) ?? 0);
        if (least > 0) met.reach.set(value, least);
        else met.reach.delete(value);
      }
    }
    return met;
  }

  #access(index, line) {
    const found = ACCESS.exec(line);
    if (!found || !this.#now) return line;
    const [, name, bits, kind, address, offset] = found;
    const end = Number(offset) + sizeOf(bits, kind);
    const value = this.#valueIn(address);
    const { values, reach } = this.#now;
    if ((reach.get(value) ?? 0) < end) {
      const furthest = Math.max(end, furthestOf(this.#lines, index, values, value, this.#most));
      reach.set(value, furthest);
      if (furthest === end) return line;
      this.output.push(`AOT_REACH(${address}, ${furthest}u);`);
    }
    return line.replace(`${name}(`, `AOT_WITHIN(${name}, `);
  }

  #valueIn(variable) {
    if (!this.#now.values.has(variable)) this.#now.values.set(variable, ++this.#values);
    return this.#now.values.get(variable);
  }
}

function changed(text) {
  return new Error(`wasm2c's output has changed: ${text}`);
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
  return /^(?:u32 |u64 |void\* )?(\w+) (?:[-+*&|^]|<<|>>)?= /.exec(statement)?.[1];
}

function sizeOf(bits, kind) {
  const size = kind === "load" || kind === "store" ? Number(bits) / 8 : SIZES[kind];
  if (!size) throw new Error(`wasm2c's output has changed: ${kind}`);
  return size;
}
