/** The model graph's page: shows one of the document's graphs, and lets a reader walk, fold, zoom and save it. */
import type { Format, FromPage, Graph, Graphs, ToPage } from '../messages';
import { drawArrow, drawBox, drawHeads, element, exported } from './draw';
import { FOLD, place, type Picture, type PlacedBox } from './layout';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void; setState(state: unknown): void };

const host = acquireVsCodeApi();
const [SMALLEST, LARGEST, STEP] = [0.05, 4, 1.25];
/** The picture follows the focus by itself; the page around it must not be scrolled. */
const UNMOVED = { preventScroll: true };
/** The smallest scale at which the text of a graph is read without effort; none is shown smaller at first. */
const READABLE = 0.7;

let answer: Graphs | undefined;
let chosen = 0;
const visited: number[] = [];
let picture: Picture | undefined;
let unfolded = new Set<number>();
let cursor = { uri: '', line: -1 };
let view = { x: 0, y: 0, scale: 1 };
/** Whether the reader has moved the picture since it was fitted: it stays then when the window changes. */
let moved = false;

const drawing = element('g', { class: 'drawing' });
const canvas = element('svg', { class: 'canvas', role: 'group', 'aria-label': 'Model graph' }, drawHeads(), drawing);
const note = document.createElement('p');
note.className = 'note';
note.textContent = 'Waiting for the first dry run …';
const models = document.createElement('select');
models.title = 'Model';
const detail = document.createElement('span');
detail.className = 'detail';
const back = button('←', 'Back to the outer model (Backspace)', () => turn(visited.pop() ?? 0));
const folding = button('Unfold all', 'Show every layer', () => {
  const parts = graph()?.parts ?? [];
  unfolded = unfolded.size < parts.length ? new Set(parts.map(({ first }) => first)) : new Set();
  redraw(true);
});
const saving = document.createElement('select');
saving.title = 'Save the picture';
const tools = document.createElement('span');
tools.className = 'tools';
tools.append(
  folding, button('−', 'Smaller (-)', () => zoom(1 / STEP)), button('+', 'Larger (+)', () => zoom(STEP)),
  button('Fit', 'Show the whole graph (0)', () => fit(true)), saving,
);
const bar = document.createElement('header');
bar.append(back, models, detail, tools);
document.body.append(bar, canvas, note);
option(saving, '', 'Save as …');
option(saving, 'svg', 'SVG');
option(saving, 'mermaid', 'Mermaid');
option(saving, 'dot', 'DOT');

function button(label: string, title: string, run: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.textContent = label;
  made.title = title;
  made.addEventListener('click', run);
  return made;
}

function option(list: HTMLSelectElement, value: string, label: string): void {
  const made = document.createElement('option');
  made.value = value;
  made.textContent = label;
  list.append(made);
}

const graph = (): Graph | undefined => answer?.graphs[chosen];
const placed = (group: Element | null): PlacedBox | undefined => {
  const index = group ? boxes().indexOf(group as SVGGElement) : -1;
  return picture?.boxes[index];
};
const boxes = (): SVGGElement[] => [...drawing.querySelectorAll<SVGGElement>('g.box')];

/** Shows another graph of the same document. */
function turn(index: number): void {
  chosen = index;
  models.value = String(index);
  unfolded = new Set();
  redraw(true);
}

function take(next: Graphs, wanted: number | null): void {
  const before = graph();
  answer = next;
  const same = next.graphs.findIndex(({ title }) => title === before?.title);
  const outer = next.graphs.findIndex(({ nested, finished }) => !nested && !finished);
  const whole = next.graphs.findIndex(({ nested }) => !nested);
  const first = outer >= 0 ? outer : Math.max(0, whole);
  chosen = wanted ?? (before && same >= 0 ? same : first);
  models.replaceChildren();
  next.graphs.forEach(({ title, nested }, index) => option(models, String(index), nested ? `${title} (inside)` : title));
  models.value = String(chosen);
  models.hidden = next.graphs.length < 2;
  const kept = before !== undefined && graph()?.title === before.title && picture !== undefined;
  if (!kept) {
    unfolded = new Set();
    visited.length = 0;
  }
  redraw(!kept);
}

function redraw(fresh: boolean): void {
  const shown = graph();
  note.hidden = shown !== undefined;
  canvas.toggleAttribute('hidden', shown === undefined);
  bar.hidden = shown === undefined;
  if (!shown) {
    note.textContent = answer?.reason ?? '';
    drawing.replaceChildren();
    picture = undefined;
    return;
  }
  const held = boxes().findIndex((box) => box === document.activeElement);
  const ruler = document.createElement('canvas').getContext('2d');
  if (ruler) {
    const style = getComputedStyle(document.body);
    ruler.font = `600 ${style.fontSize} ${style.fontFamily}`;
  }
  picture = place(shown, unfolded, (text) => ruler?.measureText(text).width ?? text.length * 8);
  drawing.replaceChildren(...picture.arrows.map(drawArrow), ...picture.boxes.map(drawBox));
  drawing.querySelectorAll<SVGGElement>('g.arrow').forEach((arrow) => {
    const [said, behind] = [arrow.querySelector('text'), arrow.querySelector('rect')];
    const room = said?.getBBox();
    behind?.setAttribute('x', String((room?.x ?? 0) - 3));
    behind?.setAttribute('width', String((room?.width ?? 0) + 6));
  });
  detail.textContent = shown.detail;
  // All of it, where a narrow window cuts it off.
  detail.title = shown.detail;
  back.hidden = visited.length === 0;
  folding.hidden = shown.parts.length === 0 || shown.boxes.length <= FOLD;
  folding.textContent = unfolded.size < shown.parts.length ? 'Unfold all' : 'Fold';
  const [first] = boxes();
  (boxes()[held] ?? first)?.setAttribute('tabindex', '0');
  boxes()[held]?.focus(UNMOVED);
  if (fresh) {
    fit(false);
  } else {
    move();
  }
  light(false);
}

/** The whole graph in the window; at first, where that would be too small to read, its top or what does not fit. */
function fit(whole: boolean): void {
  if (!picture) {
    return;
  }
  const { clientWidth: width, clientHeight: height } = canvas;
  const all = Math.min(width / picture.width, height / picture.height);
  const scale = Math.min(1, Math.max(SMALLEST, whole ? all : Math.max(all, READABLE)));
  const bad = picture.arrows.find(({ arrow }) => arrow.fault)?.label;
  const { x, y } = bad ?? { x: picture.boxes[0]?.x ?? 0, y: 0 };
  view = { scale, x: beginning(width, picture.width * scale, x * scale), y: beginning(height, picture.height * scale, y * scale) };
  moved = false;
  move();
}

/** Where a picture of a length begins in a window: in its middle, or, where it is too long, so that `point` is seen. */
function beginning(room: number, length: number, point: number): number {
  return length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, room / 2 - point));
}

function move(): void {
  drawing.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function pan(x: number, y: number): void {
  view = { ...view, x: view.x + x, y: view.y + y };
  moved = true;
  move();
}

function zoom(factor: number, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2): void {
  const scale = Math.min(LARGEST, Math.max(SMALLEST, view.scale * factor));
  const ratio = scale / view.scale;
  view = { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
  moved = true;
  move();
}

/** Lights the boxes of the smallest expression at the cursor; `follow` moves the picture when none can be seen. */
function light(follow: boolean): void {
  const sizes = (picture?.boxes ?? []).map(({ shown: { box } }) => {
    const range = box.place?.uri === cursor.uri ? box.place.range : undefined;
    const inside = range && range.start.line <= cursor.line && cursor.line <= range.end.line;
    return inside ? range.end.line - range.start.line : Infinity;
  });
  const smallest = Math.min(...sizes);
  const lit = boxes().filter((box, index) => {
    const on = smallest < Infinity && sizes[index] === smallest;
    box.classList.toggle('lit', on);
    return on;
  });
  const [first] = lit;
  if (follow && first && !lit.some(inSight)) {
    center(first);
  }
}

function inSight(box: Element): boolean {
  const [room, all] = [box.getBoundingClientRect(), canvas.getBoundingClientRect()];
  return room.top >= all.top && room.bottom <= all.bottom && room.left >= all.left && room.right <= all.right;
}

function center(box: SVGGElement): void {
  const it = placed(box);
  if (it) {
    pan(canvas.clientWidth / 2 - it.x * view.scale - view.x, canvas.clientHeight / 2 - it.y * view.scale - view.y);
  }
}

function reveal(box: Element | null): void {
  const target = placed(box)?.shown.box.place;
  if (target) {
    host.postMessage({ type: 'reveal', place: target });
  }
}

/** Opens what a box holds: the layers of a folded part, or a nested model's own graph. */
function open(box: Element | null): boolean {
  const shown = placed(box)?.shown;
  if (shown?.part) {
    unfolded.add(shown.part.first);
    redraw(false);
    return true;
  }
  if (typeof shown?.box.graph === 'number') {
    visited.push(chosen);
    turn(shown.box.graph);
    return true;
  }
  return false;
}

/** To the next box that the arrows lead to, or come from; else to its neighbour in order. */
function walk(box: Element, forwards: boolean): void {
  const all = boxes();
  const here = all.indexOf(box as SVGGElement);
  const arrow = picture?.arrows.find((each) => (forwards ? each.arrow.source : each.arrow.target) === here)?.arrow;
  const next = arrow ? (forwards ? arrow.target : arrow.source) : here + (forwards ? 1 : -1);
  const target = all[next];
  if (target) {
    box.setAttribute('tabindex', '-1');
    target.setAttribute('tabindex', '0');
    target.focus(UNMOVED);
  }
}

/** Along the boxes of one row. */
function across(box: Element, step: number): void {
  const here = placed(box);
  const row = boxes().filter((each) => here && Math.abs((placed(each)?.y ?? 0) - here.y) < 1);
  row.sort((one, other) => (placed(one)?.x ?? 0) - (placed(other)?.x ?? 0));
  const target = row[row.indexOf(box as SVGGElement) + step];
  if (target) {
    box.setAttribute('tabindex', '-1');
    target.setAttribute('tabindex', '0');
    target.focus(UNMOVED);
  }
}

const boxAt = (event: Event): Element | null => (event.target as Element | null)?.closest('g.box') ?? null;

models.addEventListener('change', () => {
  visited.length = 0;
  turn(Number(models.value));
});
saving.addEventListener('change', () => {
  const [format, shown] = [saving.value as Format | '', graph()];
  saving.value = '';
  if (format && shown && picture) {
    const text = format === 'svg' ? exported(canvas, picture) : shown[format];
    host.postMessage({ type: 'export', format, name: shown.title, text });
  }
});
canvas.addEventListener('dblclick', (event) => open(boxAt(event)));
canvas.addEventListener('click', (event) => reveal(boxAt(event)));
canvas.addEventListener(
  'wheel',
  (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      zoom(Math.exp(-event.deltaY / 300), event.offsetX, event.offsetY);
    } else {
      pan(-event.deltaX, -event.deltaY);
    }
  },
  { passive: false },
);
canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || boxAt(event)) {
    return;
  }
  canvas.setPointerCapture(event.pointerId);
  const drag = (next: PointerEvent): void => pan(next.movementX, next.movementY);
  canvas.addEventListener('pointermove', drag);
  canvas.addEventListener('pointerup', () => canvas.removeEventListener('pointermove', drag), { once: true });
});
canvas.addEventListener('focusin', (event) => {
  const box = boxAt(event);
  if (box && !inSight(box)) {
    center(box as SVGGElement);
  }
});
document.addEventListener('keydown', (event) => {
  const box = boxAt(event);
  const keys: Readonly<Record<string, () => void>> = {
    '+': () => zoom(STEP),
    '=': () => zoom(STEP),
    '-': () => zoom(1 / STEP),
    '0': () => fit(true),
    ...(visited.length > 0 && { Backspace: () => turn(visited.pop() ?? 0) }),
    ...(box && {
      ArrowDown: () => walk(box, true),
      ArrowUp: () => walk(box, false),
      ArrowRight: () => across(box, 1),
      ArrowLeft: () => across(box, -1),
      Enter: () => reveal(box),
      ' ': () => open(box),
    }),
  };
  const run = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
  if (run && !(event.target instanceof HTMLSelectElement)) {
    event.preventDefault();
    run();
  }
});
window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'graphs') {
    take(data.answer, data.chosen);
  } else {
    cursor = { uri: data.uri, line: data.line };
    light(true);
  }
});
new ResizeObserver(() => picture && !moved && fit(false)).observe(canvas);
bar.hidden = true;
host.setState({ uri: decodeURIComponent(document.body.dataset['uri'] ?? '') });
host.postMessage({ type: 'ready' });
