/** Where the boxes and arrows of a graph stand: folding, sizes by the text, places by dagre. No DOM but to measure text. */
import { graphlib, layout } from '@dagrejs/dagre';
import type { Arrow, Box, Graph, Part } from '../messages';

/** Boxes from which on the parts of a graph are folded at first. */
export const FOLD = 150;
export const LINE_PX = 16;
const PADDING_PX = 10;
const WIDEST_LABEL = 46;

/** A box, or a part that stands folded in its place. */
export interface Shown {
  readonly box: Box;
  /** The boxes that it stands for. */
  readonly first: number;
  readonly last: number;
  readonly part: Part | null;
  readonly lines: readonly string[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedBox extends Point {
  readonly shown: Shown;
  readonly width: number;
  readonly height: number;
}

export interface PlacedArrow {
  readonly arrow: Arrow;
  readonly points: readonly Point[];
  readonly label: Point;
  readonly lines: readonly string[];
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly PlacedBox[];
  readonly arrows: readonly PlacedArrow[];
}

/** What a reader sees of the graph while the parts whose first boxes are in `unfolded` are open. */
export function fold(graph: Graph, unfolded: ReadonlySet<number>): { shown: Shown[]; arrows: Arrow[] } {
  const parts = new Map(graph.parts.filter(({ first }) => !unfolded.has(first)).map((part) => [part.first, part]));
  const shown: Shown[] = [];
  const at: number[] = [];
  for (let index = 0; index < graph.boxes.length; ) {
    const part = parts.get(index) ?? null;
    const last = part ? part.last : index;
    const inside = graph.boxes.slice(index, last + 1);
    const box = part ? standIn(part, inside) : inside[0];
    if (!box) {
      break;
    }
    for (let member = index; member <= last; member += 1) {
      at[member] = shown.length;
    }
    shown.push({ box, first: index, last, part, lines: words(box) });
    index = last + 1;
  }
  const seen = new Set<string>();
  const arrows = graph.arrows
    .map((arrow) => ({ ...arrow, source: at[arrow.source] ?? 0, target: at[arrow.target] ?? 0 }))
    .filter((arrow) => {
      const key = `${arrow.source} ${arrow.target} ${arrow.label}`;
      const fresh = arrow.source !== arrow.target && !seen.has(key);
      seen.add(key);
      return fresh;
    });
  return { shown, arrows };
}

function standIn(part: Part, inside: readonly Box[]): Box {
  const parameters = inside.reduce((sum, box) => sum + (box.parameters ?? 0), 0);
  const place = inside[0]?.place ?? null;
  return { kind: 'layer', title: part.title, name: `${inside.length} layers`, detail: '', parameters, place, graph: null };
}

function words(box: Box): string[] {
  const count = box.parameters;
  const counted = count ? [`${count.toLocaleString('en')} parameter${count === 1 ? '' : 's'}`] : [];
  return [box.title, box.name, box.detail, ...counted].filter((word) => word !== '');
}

/** The graph with a place for everything; `measure` gives the width of a text in pixels. */
export function place(graph: Graph, unfolded: ReadonlySet<number>, measure: (text: string) => number): Picture {
  const { shown, arrows } = fold(graph, unfolded);
  const made = new graphlib.Graph({ multigraph: true });
  made.setGraph({ rankdir: 'TB', nodesep: 28, edgesep: 14, ranksep: 34, marginx: 16, marginy: 16 });
  made.setDefaultEdgeLabel(() => ({}));
  const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map(measure));
  shown.forEach(({ lines }, index) => {
    const [width, height] = [widest(lines) + 2 * PADDING_PX + 8, lines.length * LINE_PX + 2 * PADDING_PX];
    made.setNode(String(index), { width, height });
  });
  const texts = arrows.map((arrow) => [...wrapped(arrow.label), ...wrapped(arrow.fault ?? '')]);
  arrows.forEach((arrow, index) => {
    const lines = texts[index] ?? [];
    const size = { width: lines.length > 0 ? widest(lines) + 12 : 0, height: lines.length * LINE_PX };
    made.setEdge(String(arrow.source), String(arrow.target), { ...size, labelpos: 'c' }, String(index));
  });
  layout(made);
  const { width = 0, height = 0 } = made.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    boxes: shown.map((item, index) => {
      const node = made.node(String(index)) as { x: number; y: number; width: number; height: number };
      return { shown: item, x: node.x, y: node.y, width: node.width, height: node.height };
    }),
    arrows: arrows.map((arrow, index) => {
      const edge = made.edge(String(arrow.source), String(arrow.target), String(index)) as unknown as {
        points: Point[];
        x?: number;
        y?: number;
      };
      const middle = edge.points[Math.floor(edge.points.length / 2)] ?? { x: 0, y: 0 };
      return { arrow, points: edge.points, label: { x: edge.x ?? middle.x, y: edge.y ?? middle.y }, lines: texts[index] ?? [] };
    }),
  };
}

/** Lines of about WIDEST_LABEL characters; a shape stays whole, and a word that is longer keeps a line of its own. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.match(/\([^()]{0,40}\)\S*|\S+/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDEST_LABEL) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}
