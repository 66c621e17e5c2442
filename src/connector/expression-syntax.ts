// SPDX-License-Identifier: Apache-2.0
import type { ASTNode } from '@marcbachmann/cel-js';
import {
  boundName,
  callNames,
  durationProblem,
  methodNames,
  patternProblem,
} from './expression-functions.ts';

/** What an expression reads, and what of it is not allowed. */
export interface Reading {
  /** Names by variable: what stands in `row['…']`, `attributes.…` and `record.…`. */
  readonly names: Readonly<Record<Root, ReadonlySet<string>>>;
  readonly problems: readonly SyntaxProblem[];
}

export interface SyntaxProblem {
  /** Says what is wrong and what to write. */
  readonly message: string;
  /** Offset in the text. */
  readonly at: number;
}

const roots = ['row', 'attributes', 'record'] as const;
export type Root = (typeof roots)[number];

/** Each goes once through a list. */
const loops: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

/** What makes a larger value out of smaller ones without a function of ours, which would count it. */
const builders: ReadonlySet<string> = new Set(['+', 'list', 'map']);

/**
 * Looks through a parsed expression: the fields that it reads must be known before any row is, since the connector asks for
 * them, and only functions of ours are called. Calls of bounded functions are given the names that the library knows them by.
 */
export function readingOf(ast: ASTNode): Reading {
  const reader = new Reader();
  reader.visit(ast, { locals: new Set(), inLoop: false });
  return { names: reader.names, problems: [...reader.problems, ...reader.growthProblems()] };
}

/** The texts that an expression may come to as they stand in it. */
export function resultLiterals(node: ASTNode): readonly { readonly text: string; readonly at: number }[] {
  switch (node.op) {
    case 'value':
      return typeof node.args === 'string' ? [{ text: node.args, at: node.start }] : [];
    case '?:':
      return [...resultLiterals(node.args[1]), ...resultLiterals(node.args[2])];
    case '[]': {
      const [from] = node.args;
      if (from.op === 'map') return from.args.flatMap(([, value]) => resultLiterals(value));
      return from.op === 'list' ? from.args.flatMap(resultLiterals) : [];
    }
    default:
      return [];
  }
}

interface Scope {
  /** Variables of the loop around it. */
  readonly locals: ReadonlySet<string>;
  readonly inLoop: boolean;
}

class Reader {
  readonly names = { row: new Set<string>(), attributes: new Set<string>(), record: new Set<string>() };
  readonly problems: SyntaxProblem[] = [];
  private loops = 0;
  /** Builders inside of loops. */
  private readonly built: ASTNode[] = [];

  /** Where one loop takes what another has built, each could double it. */
  growthProblems(): readonly SyntaxProblem[] {
    const [first] = this.built;
    if (this.loops < 2 || first === undefined) return [];
    const message = 'with more than one loop, + and lists cannot stand inside of them; join texts outside';
    return [{ message, at: first.start }];
  }

  visit(node: ASTNode, scope: Scope): void {
    if (scope.inLoop && builders.has(node.op)) this.built.push(node);
    switch (node.op) {
      case 'value':
        if (typeof node.args === 'object' && node.args !== null)
          this.refuse(node, 'there are no bytes and no unsigned numbers here; use text or a plain number');
        return;
      case 'id':
        return this.variable(node, node.args, scope);
      case '.':
        return this.member(node, node.args[0], node.args[1], scope);
      case '[]':
        return this.index(node, node.args[0], node.args[1], scope);
      case 'in':
        return this.membership(node.args[0], node.args[1], scope);
      case 'call':
        return this.call(node.args, node, scope);
      case 'rcall':
        return this.method(node.args, node, scope);
      case 'list':
        return node.args.forEach((item) => {
          this.visit(item, scope);
        });
      case 'map':
        return node.args.flat().forEach((item) => {
          this.visit(item, scope);
        });
      case '!_':
      case '-_':
        return this.visit(node.args, scope);
      case '.?':
      case '[?]':
        return this.refuse(node, 'there is no optional access here; use has(row.FIELD) ? … : …');
      default:
        for (const operand of node.args) this.visit(operand, scope);
    }
  }

  private variable(node: ASTNode, name: string, { locals }: Scope): void {
    if (locals.has(name)) return;
    if (isRoot(name)) {
      const example = name === 'record' ? 'record.status' : `${name}.u_floor`;
      return this.refuse(node, `${name} alone is no value; name a field, such as ${example}`);
    }
    this.refuse(
      node,
      `there is no variable ${name}; use row.${name}, attributes.${name} or a column of record`,
    );
  }

  private member(node: ASTNode, from: ASTNode, name: string, scope: Scope): void {
    const root = rootOf(from, scope);
    if (root !== undefined) return this.read(root, name);
    const path = pathOf(from, scope);
    if (path === undefined) return this.visit(from, scope);
    this.refuse(node, `write a path with dots as ${path.root}['${path.name}.${name}']`);
  }

  private index(node: ASTNode, from: ASTNode, index: ASTNode, scope: Scope): void {
    const root = rootOf(from, scope);
    if (root === undefined) {
      this.visit(from, scope);
      return this.visit(index, scope);
    }
    if (root === 'record') return this.refuse(node, 'write record.COLUMN, with the name of a column');
    if (typeof index.args === 'string' && index.op === 'value') return this.read(root, index.args);
    this.refuse(index, `the field of ${root} must be written as text, since it is asked for before rows are`);
  }

  private membership(item: ASTNode, container: ASTNode, scope: Scope): void {
    const root = rootOf(container, scope);
    if (root === undefined) {
      this.visit(item, scope);
      // A list that is only searched builds nothing.
      if (container.op !== 'list') return this.visit(container, scope);
      for (const each of container.args) this.visit(each, scope);
      return;
    }
    if (root !== 'record' && item.op === 'value' && typeof item.args === 'string') {
      return this.read(root, item.args);
    }
    this.refuse(item, root === 'record' ? 'write has(record.COLUMN)' : `write 'u_floor' in ${root}`);
  }

  private call(args: [string, ASTNode[]], node: ASTNode, scope: Scope): void {
    const [name, operands] = args;
    const [first] = operands;
    if (name === 'has' && first !== undefined) {
      if (first.op === '.') return this.visit(first, scope);
      return this.refuse(node, "write has(row.u_floor), or 'u_floor.display' in row");
    }
    if (!callNames.has(name)) return this.unknownFunction(node, name, callNames);
    args[0] = boundName(name);
    for (const operand of operands) this.visit(operand, scope);
    if (name === 'duration' && first !== undefined) this.written(name, first, durationProblem);
  }

  private method(args: [string, ASTNode, ASTNode[]], node: ASTNode, scope: Scope): void {
    const [name, receiver, operands] = args;
    if (loops.has(name)) return this.loop(name, receiver, operands, node, scope);
    if (!methodNames.has(name)) return this.unknownFunction(node, `.${name}`, methodNames);
    args[0] = boundName(name);
    this.visit(receiver, scope);
    for (const operand of operands) this.visit(operand, scope);
    const [pattern] = operands;
    // With a zone the library goes by the clock of the machine, where an hour may be missing.
    if (name.startsWith('get') && pattern !== undefined)
      return this.refuse(pattern, `.${name} tells UTC; leave the zone out`);
    if (name === 'matches' && pattern !== undefined) this.written(name, pattern, patternProblem);
  }

  /** What a function takes only as it stands in the expression, so that it can be looked at before. */
  private written(name: string, node: ASTNode, problemOf: (text: string) => string | undefined): void {
    if (node.op !== 'value' || typeof node.args !== 'string') {
      return this.refuse(node, `what ${name} takes must be written as text`);
    }
    const problem = problemOf(node.args);
    if (problem !== undefined) this.refuse(node, `what ${name} is given ${problem}`);
  }

  private loop(
    name: string,
    receiver: ASTNode,
    [variable, ...body]: readonly ASTNode[],
    node: ASTNode,
    scope: Scope,
  ): void {
    this.visit(receiver, scope);
    if (scope.inLoop) return this.refuse(node, `.${name} stands inside another of its kind; use one only`);
    this.loops += 1;
    if (variable === undefined) return;
    if (variable.op !== 'id' || isRoot(variable.args)) {
      return this.refuse(variable, `the variable of .${name} needs a name of its own, such as x`);
    }
    const inner = { locals: new Set([variable.args]), inLoop: true };
    for (const part of body) this.visit(part, inner);
  }

  private unknownFunction(node: ASTNode, name: string, known: ReadonlySet<string>): void {
    const all = known === methodNames ? [...known, ...loops] : ['has', ...known];
    this.refuse(node, `there is no function ${name}; use one of ${all.toSorted().join(', ')}`);
  }

  private read(root: Root, name: string): void {
    this.names[root].add(name);
  }

  private refuse(node: ASTNode, message: string): void {
    this.problems.push({ message, at: node.start });
  }
}

function isRoot(name: string): name is Root {
  return (roots as readonly string[]).includes(name);
}

function rootOf(node: ASTNode, { locals }: Scope): Root | undefined {
  return node.op === 'id' && isRoot(node.args) && !locals.has(node.args) ? node.args : undefined;
}

/** Of `row.location.city`, up to where the node ends. */
function pathOf(node: ASTNode, scope: Scope): { readonly root: Root; readonly name: string } | undefined {
  if (node.op !== '.') return undefined;
  const [from, name] = node.args;
  const root = rootOf(from, scope);
  if (root !== undefined) return root === 'record' ? undefined : { root, name };
  const before = pathOf(from, scope);
  return before === undefined ? undefined : { root: before.root, name: `${before.name}.${name}` };
}
