// A transform for asc (`--transform`): a function whose declaration, with its doc comment, follows a line `// @inline` is
// compiled into its callers.
// AssemblyScript's own decorator is no TypeScript where it stands before a function, and linters stop at it.

import { Node, NodeKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

const MARK = "// @inline";

/** At the end of a text. */
const DOC_COMMENT = /\n\/\*\*(?:(?!\*\/)[\s\S])*\*\/$/;

export default class extends Transform {
  afterParse(parser) {
    for (const source of parser.sources)
      for (const statement of source.statements) if (isMarked(source, statement)) decorate(statement);
  }
}

function isMarked({ text }, { kind, range }) {
  if (kind !== NodeKind.FunctionDeclaration) return false;
  const before = text.slice(0, text.lastIndexOf("\n", range.start)).replace(DOC_COMMENT, "");
  return before.slice(before.lastIndexOf("\n") + 1) === MARK;
}

function decorate(declaration) {
  const { range } = declaration.name;
  const name = Node.createIdentifierExpression("inline", range);
  declaration.decorators = [Node.createDecorator(name, null, range), ...(declaration.decorators ?? [])];
}
