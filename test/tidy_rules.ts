// The project's habits as rules over its sources: each gets a parsed file and answers with what breaks it.

import ts from "typescript";

/** Longest function, in lines. */
export const FUNCTION_LINES = 70;

/** A parsed source file; `path` counts from the project's root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly ast: ts.SourceFile;
}

export type TidyRule = (source: Source) => string[];

/** Parses a source. AssemblyScript's syntax is TypeScript's as far as these rules look. */
export function parse(path: string, text: string): Source {
  return { path, ast: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

/** Rules by name. A rule that does not concern a file answers with nothing. */
export const TIDY_RULES = {
  "assembly imports downwards only": (source) =>
    source.path.startsWith("assembly/")
      ? importsOf(source).flatMap(({ node, target }) =>
          mayImport(source.path, target) ? [] : [at(source, node, `imports ${target}`)],
        )
      : [],

  "the host imports neither tests nor the core's sources": (source) =>
    source.path.startsWith("host/")
      ? importsOf(source)
          .filter(({ target }) => /^(test|assembly|scripts|bench)\//.test(target))
          .map(({ node, target }) => at(source, node, `imports ${target}`))
      : [],

  // The tests' oracle is of no use when it shares a mistake with what it judges.
  "the packet codec imports nothing but itself": (source) =>
    source.path.startsWith("host/packet/")
      ? importsOf(source)
          .filter(({ target }) => !target.startsWith("host/packet/"))
          .map(({ node, target }) => at(source, node, `imports ${target}`))
      : [],

  "functions have at most 70 lines": (source) =>
    nodesOf(source, isFunctionWithBody).flatMap((node) => {
      const lines = lineOf(source, node.end) - lineOf(source, node.getStart()) + 1;
      return lines > FUNCTION_LINES ? [at(source, node, `function of ${lines} lines`)] : [];
    }),

  "exported functions have a doc comment": (source) =>
    source.ast.statements
      .filter(ts.isFunctionDeclaration)
      .filter((node) => isExported(node) && !hasDocComment(source, node))
      .map((node) => at(source, node, `${node.name?.text} has no doc comment`)),

  "sequence numbers are compared in seq.ts only": (source) =>
    source.path.startsWith("assembly/tcp/") && source.path !== "assembly/tcp/seq.ts"
      ? nodesOf(source, ts.isBinaryExpression)
          .filter(({ operatorToken }) => COMPARISONS.has(operatorToken.kind))
          .filter(({ left, right }) => [left, right].some((side) => isSequence(side) || isSigned(side)))
          .map((node) => at(source, node, `compares ${node.getText()}`))
      : [],

  "the connection's state is written by setState only": (source) =>
    source.path.startsWith("assembly/tcp/")
      ? nodesOf(source, ts.isBinaryExpression)
          .filter(
            ({ left, operatorToken }) =>
              operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
              operatorToken.kind <= ts.SyntaxKind.LastAssignment &&
              ts.isPropertyAccessExpression(left) &&
              left.name.text === "state",
          )
          .filter((node) => enclosingFunction(node)?.name?.getText() !== "setState")
          // What the host is told is another record, with a field of the same name.
          .filter((node) => !/\bTcpInfo\b/.test(declarationOf(node)))
          .map((node) => at(source, node, node.getText()))
      : [],

  // A mutable global would be state outside the state region.
  "assembly has no top-level variables": (source) =>
    source.path.startsWith("assembly/")
      ? source.ast.statements
          .filter(ts.isVariableStatement)
          .filter(({ declarationList }) => !(declarationList.flags & ts.NodeFlags.Const))
          .map((node) => at(source, node, node.getText()))
      : [],

  "assembly allocates nothing": (source) =>
    source.path.startsWith("assembly/")
      ? nodesOf(source, isAllocation).map((node) => at(source, node, node.getText()))
      : [],
} satisfies Record<string, TidyRule>;

// Layers from the bottom up. Files of one layer may import each other; udp and tcp stand side by side.
const LAYERS: readonly (readonly string[])[] = [
  ["assembly/abi_constants.ts", "assembly/config.ts"],
  ["assembly/lib/"],
  ["assembly/wire/"],
  ["assembly/net/"],
  ["assembly/udp/", "assembly/tcp/"],
  ["assembly/services/"],
  ["assembly/stack.ts"],
  ["assembly/abi.ts"],
];

function mayImport(from: string, to: string): boolean {
  const [fromLayer, fromPart] = layerOf(from);
  const [toLayer, toPart] = layerOf(to);
  if (fromLayer < 0 || toLayer < 0) return false;
  if (fromLayer === 0) return toLayer === 0;
  return toLayer < fromLayer || (toLayer === fromLayer && toPart === fromPart);
}

function layerOf(path: string): [layer: number, part: string | undefined] {
  const matches = (part: string) => (part.endsWith("/") ? path.startsWith(part) : path === part);
  const layer = LAYERS.findIndex((parts) => parts.some(matches));
  return [layer, LAYERS[layer]?.find(matches)];
}

interface ImportOf {
  readonly node: ts.Node;
  /** Path from the project's root, ".ts" at its end; or the name of a package. */
  readonly target: string;
}

function importsOf({ path, ast }: Source): ImportOf[] {
  const found: ImportOf[] = [];
  const visit = (node: ts.Node): void => {
    const target = importedModule(node);
    if (target !== undefined) found.push({ node, target: resolve(path, target) });
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

function importedModule(node: ts.Node): string | undefined {
  let module: ts.Expression | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) module = node.moduleSpecifier;
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    module = node.arguments[0];
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return ts.isStringLiteral(node.argument.literal) ? node.argument.literal.text : undefined;
  return module && ts.isStringLiteralLike(module) ? module.text : undefined;
}

function resolve(from: string, module: string): string {
  if (!module.startsWith(".")) return module;
  const { pathname } = new URL(module, `file:///${from}`);
  return `${pathname.slice(1).replace(/\.(js|ts)$/, "")}.ts`;
}

const COMPARISONS = new Set([
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

const SEQUENCE_NAME = /^(snd|rcv)[A-Z]|^(seq|ack|iss|irs)$|^seq[A-Z]|(Seq|Iss|Irs)$/;
const SIZE_NAME = /(Wnd|Mss|Shift|Scale|Bytes|Queued|Free|Count|Length|Ms|WndMax|Limit)$/;

/** Whether an expression is a sequence number; what is left when one is taken away is a size, and may be compared. */
function isSequence(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node) || isCast(node)) return isSequence(node.expression);
  if (ts.isPropertyAccessExpression(node)) return isSequenceName(node.name.text);
  if (ts.isIdentifier(node)) return isSequenceName(node.text);
  if (!ts.isBinaryExpression(node)) return false;
  const [left, right] = [isSequence(node.left), isSequence(node.right)];
  if (node.operatorToken.kind === ts.SyntaxKind.PlusToken) return left || right;
  return node.operatorToken.kind === ts.SyntaxKind.MinusToken && left && !right;
}

/**
 * Whether an expression is read as signed. In TCP only differences of sequence numbers need that: it is a comparison in
 * disguise, also when the difference was given a name before. States are signed because their enum is.
 */
function isSigned(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isSigned(node.expression);
  if (!isCast(node) || node.type.getText() !== "i32") return false;
  let inner = node.expression;
  while (ts.isParenthesizedExpression(inner) || isCast(inner)) inner = inner.expression;
  return !(ts.isPropertyAccessExpression(inner) && inner.name.text === "state");
}

function isCast(node: ts.Node): node is ts.TypeAssertion | ts.AsExpression {
  return ts.isTypeAssertionExpression(node) || ts.isAsExpression(node);
}

function isSequenceName(name: string): boolean {
  return SEQUENCE_NAME.test(name) && !SIZE_NAME.test(name);
}

const COMPILE_TIME_CALLS = new Set(["offsetof", "assert", "ERROR", "WARNING", "INFO", "memory.data"]);

/** What makes asc allocate: objects, and literals that are not for the compiler itself. */
function isAllocation(node: ts.Node): node is ts.Expression {
  if (ts.isNewExpression(node)) return true;
  const { parent } = node;
  if (!parent || ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return false;
  if (ts.isCallExpression(parent) && COMPILE_TIME_CALLS.has(parent.expression.getText())) return false;
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    ts.isArrayLiteralExpression(node) ||
    ts.isObjectLiteralExpression(node)
  );
}

function isFunctionWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined;
}

function isExported(node: ts.FunctionDeclaration): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function hasDocComment({ ast }: Source, node: ts.Node): boolean {
  const comments = ts.getLeadingCommentRanges(ast.text, node.getFullStart()) ?? [];
  const last = comments.at(-1);
  return last !== undefined && ast.text.startsWith("/**", last.pos);
}

function enclosingFunction(node: ts.Node): ts.FunctionLikeDeclaration | undefined {
  let up = node.parent;
  while (up && !isFunctionWithBody(up)) up = up.parent;
  return up;
}

/** The text of the declaration, in the same function, of the variable that an assignment's target belongs to. */
function declarationOf(assignment: ts.BinaryExpression): string {
  const target = assignment.left;
  const name = ts.isPropertyAccessExpression(target) ? target.expression.getText() : "";
  let found = "";
  const visit = (node: ts.Node): void => {
    if ((ts.isVariableDeclaration(node) || ts.isParameter(node)) && node.name.getText() === name)
      found = node.getText();
    ts.forEachChild(node, visit);
  };
  const scope = enclosingFunction(assignment);
  if (scope) visit(scope);
  return found;
}

function nodesOf<T extends ts.Node>({ ast }: Source, matches: (node: ts.Node) => node is T): T[] {
  const found: T[] = [];
  const visit = (node: ts.Node): void => {
    if (matches(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

function lineOf({ ast }: Source, position: number): number {
  return ast.getLineAndCharacterOfPosition(position).line + 1;
}

function at(source: Source, node: ts.Node, complaint: string): string {
  return `${source.path}:${lineOf(source, node.getStart())}: ${complaint}`;
}
