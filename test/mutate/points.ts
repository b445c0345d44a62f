// Where a source of the core can be changed, and the source with all changes in it, each behind a selector.
//
// AssemblyScript is read by TypeScript's parser: its syntax is TypeScript's, but for decorators, which are left alone.
// Every change of an expression becomes `(mutant(17) ? changed : original)`; the changed variant contains no further
// changes, for one mutant is selected at a time: so the source grows by the depth of its expressions, and not by
// their product.

import ts from "typescript";

/** One change of one place. */
export interface Mutant {
  /** Selects it; counts from 1 through all files. */
  readonly id: number;
  readonly file: string;
  readonly line: number;
  /** Name of the function that it stands in. */
  readonly function: string;
  /** What stands there, and what stands there instead. */
  readonly original: string;
  readonly changed: string;
}

/** Variants of a node, as source text. */
interface Variant {
  readonly text: string;
  /** For the list, where it is not the text. */
  readonly shown?: string;
}

const RELATIONAL: Partial<Record<ts.SyntaxKind, readonly string[]>> = {
  [ts.SyntaxKind.LessThanToken]: ["<=", ">="],
  [ts.SyntaxKind.LessThanEqualsToken]: ["<", ">"],
  [ts.SyntaxKind.GreaterThanToken]: [">=", "<="],
  [ts.SyntaxKind.GreaterThanEqualsToken]: [">", "<"],
  [ts.SyntaxKind.EqualsEqualsToken]: ["!="],
  [ts.SyntaxKind.ExclamationEqualsToken]: ["=="],
};
const SWAPS: Partial<Record<ts.SyntaxKind, readonly string[]>> = {
  ...RELATIONAL,
  [ts.SyntaxKind.PlusToken]: ["-"],
  [ts.SyntaxKind.MinusToken]: ["+"],
  [ts.SyntaxKind.AmpersandToken]: ["|"],
  [ts.SyntaxKind.BarToken]: ["&"],
  [ts.SyntaxKind.LessThanLessThanToken]: [">>"],
  [ts.SyntaxKind.GreaterThanGreaterThanToken]: ["<<"],
  [ts.SyntaxKind.AmpersandAmpersandToken]: ["||"],
  [ts.SyntaxKind.BarBarToken]: ["&&"],
  [ts.SyntaxKind.PlusEqualsToken]: ["-="],
  [ts.SyntaxKind.MinusEqualsToken]: ["+="],
  [ts.SyntaxKind.BarEqualsToken]: ["&="],
  [ts.SyntaxKind.AmpersandEqualsToken]: ["|="],
};
const LOGICAL = [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken];

/** Calls that the compiler computes, or that only state what holds. */
const UNTOUCHED = new Set(["offsetof", "sizeof", "alignof", "ERROR", "assert"]);

/** Names of the functions of a source whose result may be null. */
export function nullableFunctions(file: string, text: string): string[] {
  return parse(file, text)
    .statements.filter(ts.isFunctionDeclaration)
    .filter((node) => node.type?.getText().includes("null"))
    .map((node) => node.name?.text ?? "");
}

/**
 * Finds the changes of a source. `firstId`: the first one's number. `nullable`: functions of all sources that may
 * return null: narrowing after them is left alone. Returns the mutants, and the source with all of them in it; its
 * lines keep their numbers.
 */
export function instrument(
  file: string,
  text: string,
  firstId: number,
  nullable: ReadonlySet<string>,
): { mutants: Mutant[]; text: string } {
  const source = new Source(file, text, firstId, nullable);
  const changed = source.file.statements.map((node) => source.statement(node)).join("");
  const up = "../".repeat(file.split("/").length - 2);
  const head = `import { mutant } from "${up}mutant"; `;
  return { mutants: source.mutants, text: head + changed };
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
}

class Source {
  readonly mutants: Mutant[] = [];
  readonly file: ts.SourceFile;
  readonly #maybeNull: ReadonlySet<string>;
  /** Numeric constants of this file, which are changed where they are used. */
  readonly #constants = new Set<string>();
  /** Variables that are declared without a value: the compiler wants to see one assigned. */
  readonly #unset = new Set<string>();
  #nextId: number;
  #function = "";

  constructor(
    readonly path: string,
    text: string,
    firstId: number,
    nullable: ReadonlySet<string>,
  ) {
    this.file = parse(path, text);
    this.#nextId = firstId;
    this.#maybeNull = this.#findMaybeNull(nullable);
    for (const node of this.file.statements.filter(ts.isVariableStatement))
      for (const { name, initializer } of node.declarationList.declarations)
        if (initializer && ts.isNumericLiteral(initializer)) this.#constants.add(name.getText());
  }

  /** A statement of the file itself: what is not a function stays as it is. */
  statement(node: ts.Statement): string {
    const body = ts.isFunctionDeclaration(node) ? node.body : undefined;
    if (!body || body.getText().includes("ERROR(")) return node.getFullText();
    const text = this.file.text;
    this.#function = ts.isFunctionDeclaration(node) ? (node.name?.text ?? "") : "";
    return text.slice(node.getFullStart(), body.getFullStart()) + this.#rewrite(body);
  }

  /** Variables and parameters that may be null, and functions that return such. */
  #findMaybeNull(nullable: ReadonlySet<string>): ReadonlySet<string> {
    const found = new Set(nullable);
    const visit = (node: ts.Node): void => {
      if (ts.isParameter(node) && node.type?.getText().includes("null")) found.add(node.name.getText());
      if (ts.isVariableDeclaration(node)) {
        if (!node.initializer) this.#unset.add(node.name.getText());
        const { initializer, name, type } = node;
        const call = initializer && ts.isCallExpression(initializer) ? nameOf(initializer) : "";
        if (nullable.has(call) || type?.getText().includes("null")) found.add(name.getText());
      }
      ts.forEachChild(node, visit);
    };
    visit(this.file);
    return found;
  }

  #isMaybeNull(node: ts.Node): boolean {
    if (ts.isIdentifier(node)) return this.#maybeNull.has(node.text);
    // A field of it, or a comparison with it, needs no narrowing of its own.
    return ts.forEachChild(node, (child) => this.#isMaybeNull(child)) ?? false;
  }

  /** The node's text with its leading space, and all changes in it. */
  #rewrite(node: ts.Node): string {
    const start = node.getStart();
    const lead = this.file.text.slice(node.getFullStart(), start);
    if (ts.isExpressionStatement(node)) return lead + this.#rewriteStatement(node);
    const variants = this.#variants(node);
    const inner = this.#rewriteChildren(node);
    if (variants.length === 0) return lead + inner;
    const choices = variants.map((variant) => `mutant(${this.#note(node, variant)}) ? ${variant.text} : `);
    return `${lead}(${choices.join("")}${inner})`;
  }

  #rewriteChildren(node: ts.Node): string {
    let text = "";
    let at = node.getStart();
    for (const child of childrenOf(node)) {
      text += this.file.text.slice(at, child.getFullStart());
      text += this.#isUntouched(node, child) ? child.getFullText() : this.#rewriteChild(node, child);
      at = child.getEnd();
    }
    return text + this.file.text.slice(at, node.getEnd());
  }

  /** A condition can be forced, too. */
  #rewriteChild(parent: ts.Node, child: ts.Node): string {
    const forced = this.#forced(parent, child);
    const text = this.#rewrite(child);
    if (forced.length === 0) return text;
    const choices = forced.map(
      (value) =>
        `mutant(${this.#note(child, { text: value, shown: `${value} for ${child.getText()}` })}) ? ${value} : `,
    );
    return `(${choices.join("")}!!(${text}))`;
  }

  #forced(parent: ts.Node, child: ts.Node): string[] {
    const isLoop = ts.isWhileStatement(parent) || ts.isDoStatement(parent) || ts.isForStatement(parent);
    const isCondition = isLoop
      ? child === (ts.isForStatement(parent) ? parent.condition : parent.expression)
      : (ts.isIfStatement(parent) && child === parent.expression) ||
        (ts.isConditionalExpression(parent) && child === parent.condition);
    if (!isCondition || this.#isMaybeNull(child)) return [];
    return isLoop ? ["false"] : ["true", "false"];
  }

  /** Assignments and calls for their effect can be left out; an assignment that computes has another operator. */
  #rewriteStatement(node: ts.ExpressionStatement): string {
    const { expression } = node;
    const inner = this.#rewriteChildren(node);
    const isRemovable = ts.isCallExpression(expression)
      ? !UNTOUCHED.has(nameOf(expression))
      : (ts.isBinaryExpression(expression) && !this.#unset.has(expression.left.getText())) ||
        ts.isPostfixUnaryExpression(expression) ||
        ts.isPrefixUnaryExpression(expression);
    if (!isRemovable) return inner;
    const removed = this.#note(node, { text: "", shown: "nothing" });
    return `{ if (mutant(${removed})) {} else { ${inner} } }`;
  }

  #variants(node: ts.Node): Variant[] {
    if (ts.isBinaryExpression(node)) return this.#binaryVariants(node);
    if (ts.isNumericLiteral(node)) return numberVariants(node.text);
    if (ts.isIdentifier(node) && this.#constants.has(node.text)) return [{ text: `(${node.text} + 1)` }];
    if (node.kind === ts.SyntaxKind.TrueKeyword) return [{ text: "false" }];
    if (node.kind === ts.SyntaxKind.FalseKeyword) return [{ text: "true" }];
    if (ts.isCallExpression(node)) {
      const name = nameOf(node);
      const other = name === "min" ? "max" : name === "max" ? "min" : "";
      return other ? [{ text: node.getText().replace(name, other) }] : [];
    }
    if (ts.isPrefixUnaryExpression(node)) return this.#prefixVariants(node);
    if (ts.isPostfixUnaryExpression(node)) {
      const operator = node.operator === ts.SyntaxKind.PlusPlusToken ? "--" : "++";
      return [{ text: `${node.operand.getText()}${operator}` }];
    }
    return [];
  }

  #prefixVariants(node: ts.PrefixUnaryExpression): Variant[] {
    const operand = node.operand.getText();
    if (node.operator === ts.SyntaxKind.PlusPlusToken) return [{ text: `--${operand}` }];
    if (node.operator === ts.SyntaxKind.MinusMinusToken) return [{ text: `++${operand}` }];
    const isNot = node.operator === ts.SyntaxKind.ExclamationToken;
    return isNot && !this.#isMaybeNull(node) ? [{ text: `!!${operand}`, shown: operand }] : [];
  }

  #binaryVariants(node: ts.BinaryExpression): Variant[] {
    const { kind } = node.operatorToken;
    if (LOGICAL.includes(kind) && this.#isMaybeNull(node)) return [];
    const [left, right] = [node.left.getText(), node.right.getText()];
    return (SWAPS[kind] ?? []).map((operator) => {
      const text = `${left} ${operator} ${right}`;
      // Two truths have one type; two values may not.
      if (!LOGICAL.includes(kind)) return { text: `(${text})`, shown: text };
      return { text: `(!!(${left}) ${operator} !!(${right}))`, shown: text };
    });
  }

  /** Whether a part must stay as it is: what the compiler needs to know, types, names, labels. */
  #isUntouched(parent: ts.Node, child: ts.Node): boolean {
    if (ts.isTypeNode(child) || child.kind === ts.SyntaxKind.Decorator) return true;
    if (ts.isCaseClause(parent) && child === parent.expression) return true;
    if (ts.isPropertyAccessExpression(parent) && child === parent.name) return true;
    if ((ts.isVariableDeclaration(parent) || ts.isParameter(parent)) && child === parent.name) return true;
    if (ts.isBinaryExpression(parent) && child === parent.left && isAssignment(parent))
      return !ts.isCallExpression(child);
    if (!ts.isCallExpression(parent)) return false;
    const name = nameOf(parent);
    if (UNTOUCHED.has(name) || child === parent.expression) return true;
    const index = parent.arguments.indexOf(child as ts.Expression);
    return (name === "load" && index > 0) || (name === "store" && index > 1);
  }

  #note(node: ts.Node, { text, shown }: Variant): number {
    const id = this.#nextId++;
    const line = this.file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const flat = (code: string) => code.replace(/\s+/g, " ");
    this.mutants.push({
      id,
      file: this.path,
      line,
      function: this.#function,
      original: flat(node.getText()),
      changed: flat(shown ?? text),
    });
    return id;
  }
}

function childrenOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  return children;
}

/** The name of what is called, without its module. */
function nameOf(call: ts.CallExpression): string {
  const { expression } = call;
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
}

function isAssignment(node: ts.BinaryExpression): boolean {
  const { kind } = node.operatorToken;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

function numberVariants(text: string): Variant[] {
  const value = Number(text);
  if (value === 0) return [{ text: "1" }];
  // The greatest value of a type has no next one.
  const other = [0xff, 0xffff, 0xffffffff].includes(value) ? value - 1 : value + 1;
  return [{ text: `${other}` }, { text: "0" }];
}
