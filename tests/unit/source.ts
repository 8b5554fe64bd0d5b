import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { root } from "../setup/root.mjs";

/** One `import` or `export ... from` of a source file. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the checkout for a relative specifier, without its query; null for a package. */
  readonly target: string | null;
  /** True where nothing of it exists at run time. */
  readonly typeOnly: boolean;
}

/** A parsed TypeScript file of the project. */
export interface SourceFile {
  /** Path from the checkout, with forward slashes. */
  readonly file: string;
  readonly lines: number;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** Files under a folder of the checkout with this ending, sorted; none where the folder does not exist. */
export function listFiles(folder: string, ending: string): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")))
    .filter((name) => name.endsWith(ending))
    .sort();
}

export function readText(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

export function parseSource(file: string): SourceFile {
  const text = readText(file);
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const imports: Import[] = [];
  const add = (specifier: ts.Expression, typeOnly: boolean): void => {
    if (!ts.isStringLiteral(specifier)) return;
    const relative = specifier.text.startsWith(".");
    const plain = specifier.text.replace(/\?.*$/, "");
    const target = relative ? path.posix.join(path.posix.dirname(file), plain) : null;
    imports.push({ specifier: specifier.text, target, typeOnly });
  };
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importsTypesOnly(node));
    if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      add(node.moduleSpecifier, exportsTypesOnly(node));
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      for (const argument of node.arguments.slice(0, 1)) add(argument, false);
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal as ts.StringLiteral, true);
    }
  });
  return { file, lines: text.replace(/\n$/, "").split("\n").length, tree, imports };
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Line of a node, from 1. */
export function lineOf(source: SourceFile, position: number): number {
  return source.tree.getLineAndCharacterOfPosition(position).line + 1;
}

function importsTypesOnly({ importClause }: ts.ImportDeclaration): boolean {
  if (!importClause) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = importClause.namedBindings;
  if (importClause.name || !bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

function exportsTypesOnly({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true;
  if (!exportClause || !ts.isNamedExports(exportClause)) return false;
  return exportClause.elements.length > 0 && exportClause.elements.every((element) => element.isTypeOnly);
}

/** Shaders with types that wgsl_reflect cannot parse: matrices of a subgroup. Browsers that have them compile these. */
export const UNPARSED: readonly string[] = ["shaders/matmul_subgroup_matrix.wgsl"];
