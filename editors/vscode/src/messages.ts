/** What the model graph's page and the extension say to each other, and the answer of the server's `kls/graph`. */

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Place {
  readonly uri: string;
  readonly range: { readonly start: Position; readonly end: Position };
}

export interface Box {
  readonly kind: 'layer' | 'input' | 'data' | 'loss' | 'model';
  readonly title: string;
  readonly name: string;
  readonly detail: string;
  readonly parameters: number | null;
  readonly place: Place | null;
  /** Of a nested model: the place of its own graph. */
  readonly graph: number | null;
}

export interface Arrow {
  readonly source: number;
  readonly target: number;
  readonly label: string;
  /** null where it fits; "" where another arrow that meets this one says why it does not. */
  readonly fault: string | null;
}

export interface Part {
  readonly first: number;
  readonly last: number;
  readonly title: string;
}

export interface Graph {
  readonly title: string;
  readonly detail: string;
  readonly place: Place | null;
  readonly nested: boolean;
  readonly finished: boolean;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly parts: readonly Part[];
  readonly mermaid: string;
  readonly dot: string;
}

export interface Graphs {
  readonly uri: string;
  readonly graphs: readonly Graph[];
  readonly reason: string | null;
}

/** To the page: the graphs (`chosen` is one to turn to), or where the cursor is. */
export type ToPage =
  | { readonly type: 'graphs'; readonly answer: Graphs; readonly chosen: number | null }
  | { readonly type: 'cursor'; readonly uri: string; readonly line: number };

export type Format = 'svg' | 'mermaid' | 'dot';

/** From the page. */
export type FromPage =
  | { readonly type: 'ready' }
  | { readonly type: 'reveal'; readonly place: Place }
  | { readonly type: 'export'; readonly format: Format; readonly name: string; readonly text: string };
