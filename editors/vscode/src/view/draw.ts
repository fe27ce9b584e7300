/** A placed graph as SVG elements. Every text is set as text: names and messages are an author's. */
import { LINE_PX, type Picture, type PlacedArrow, type PlacedBox, type Point } from './layout';

const SVG = 'http://www.w3.org/2000/svg';
/** Properties that a picture outside the editor needs written down. */
const KEPT = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font-family', 'font-size', 'font-weight', 'opacity'];

export function element<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly SVGElement[]
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

function text(lines: readonly string[], x: number, y: number, kind: (line: number) => string): SVGTextElement {
  const made = element('text', { x, y: y - ((lines.length - 1) * LINE_PX) / 2, 'text-anchor': 'middle' });
  lines.forEach((line, index) => {
    const part = element('tspan', { x, dy: index === 0 ? '0.35em' : LINE_PX, class: kind(index) });
    part.textContent = line;
    made.append(part);
  });
  return made;
}

export function drawBox({ shown, x, y, width, height }: PlacedBox): SVGGElement {
  const { box, part, lines } = shown;
  const round = box.kind === 'data' || box.kind === 'loss' ? height / 2 : 4;
  const kinds = ['box', box.kind, ...(part ? ['folded'] : []), ...(box.place ? ['placed'] : [])];
  const said = [...lines, ...(part ? ['folded; Space unfolds it'] : box.graph === null ? [] : ['a model; Space opens it'])];
  const made = element('g', { class: kinds.join(' '), tabindex: -1, role: 'button', 'aria-label': said.join(', ') });
  if (part || box.graph !== null) {
    // A second outline behind the first: there is more inside.
    made.append(element('rect', { class: 'more', x: x - width / 2 + 4, y: y - height / 2 + 4, width, height, rx: round }));
  }
  made.append(
    element('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: round }),
    text(lines, x, y, (line) => (line === 0 ? 'title' : 'quiet')),
  );
  return made;
}

export function drawArrow({ arrow, points, label, lines }: PlacedArrow): SVGGElement {
  const bad = arrow.fault !== null;
  const made = element(
    'g',
    { class: bad ? 'arrow bad' : 'arrow' },
    element('path', { d: curve(points), 'marker-end': `url(#${bad ? 'bad-head' : 'head'})` }),
  );
  if (lines.length > 0) {
    const tall = lines.length * LINE_PX;
    const said = text(lines, label.x, label.y, () => 'label');
    // What the text crosses is hidden behind it; its width is known once it is in the page.
    made.append(element('rect', { class: 'behind', y: label.y - tall / 2, height: tall }), said);
  }
  return made;
}

export function drawHeads(): SVGDefsElement {
  const head = (id: string): SVGMarkerElement =>
    element(
      'marker',
      { id, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: 'userSpaceOnUse', orient: 'auto' },
      element('path', { d: 'M0 0L8 4L0 8z' }),
    );
  return element('defs', {}, head('head'), head('bad-head'));
}

/** A smooth line through the middles of the way, straight at both ends. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (!first || !last) {
    return '';
  }
  const steps = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const end = index === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  return `M${first.x} ${first.y}${steps.length > 0 ? steps.join('') : `L${last.x} ${last.y}`}`;
}

/** The drawing as a file of its own, in the colours that it has now. */
export function exported(canvas: SVGSVGElement, picture: Picture): string {
  const copy = canvas.cloneNode(true) as SVGSVGElement;
  const [from, to] = [canvas.querySelectorAll('*'), copy.querySelectorAll('*')];
  from.forEach((original, index) => {
    const style = getComputedStyle(original);
    const target = to[index];
    KEPT.forEach((name) => target?.setAttribute(name, style.getPropertyValue(name)));
    ['class', 'tabindex', 'role', 'aria-label', 'transform'].forEach((name) => target?.removeAttribute(name));
  });
  const { width, height } = picture;
  const ground = element('rect', { width, height, fill: getComputedStyle(document.body).backgroundColor });
  const made = element('svg', { width, height, viewBox: `0 0 ${width} ${height}` }, ground);
  made.append(...copy.childNodes);
  return new XMLSerializer().serializeToString(made);
}
