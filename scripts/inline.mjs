// A transform for asc (asconfig.json): a function whose declaration follows a line `// @inline` is compiled into its callers.
// AssemblyScript's own decorator is no TypeScript where it stands before a function, and linters stop at it.

import { Node, NodeKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

const MARK = "// @inline";

export default class extends Transform {
  afterParse(parser) {
    for (const source of parser.sources)
      for (const statement of source.statements) if (isMarked(source, statement)) decorate(statement);
  }
}

function isMarked({ text }, { kind, range }) {
  if (kind !== NodeKind.FunctionDeclaration) return false;
  const before = text.slice(0, text.lastIndexOf("\n", range.start));
  return before.slice(before.lastIndexOf("\n") + 1) === MARK;
}

function decorate(declaration) {
  const { range } = declaration.name;
  const name = Node.createIdentifierExpression("inline", range);
  declaration.decorators = [Node.createDecorator(name, null, range), ...(declaration.decorators ?? [])];
}
