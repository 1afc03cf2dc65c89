// Hands and keys, and the beginning.
const points = new Map();
const pointOf = event => [event.offsetX * ratio(), event.offsetY * ratio()];
let travelled = 0;
world.addEventListener('pointerdown', event => {
  if (event.button > 0) return;
  world.setPointerCapture(event.pointerId);
  points.set(event.pointerId, pointOf(event));
  travelled = 0;
  state.moving = null;
  if (lassoing && points.size === 1) state.lasso = [pointOf(event)];
});
world.addEventListener('pointermove', event => {
  const point = pointOf(event);
  const before = points.get(event.pointerId);
  if (!before) {
    const over = scene.layout ? pictureAt(...point) : -1;
    if (over !== state.hovered) {
      state.hovered = over;
      $('hovered').textContent = over < 0 ? '' : shortName(over);
      redraw();
    }
    return;
  }
  travelled += Math.hypot(point[0] - before[0], point[1] - before[1]);
  if (state.lasso && points.size === 1) {
    state.lasso.push(point);
    redraw();
  } else if (points.size === 2) {
    const [other] = [...points].find(([id]) => id !== event.pointerId).slice(1);
    const apart = at => Math.max(1, Math.hypot(at[0] - other[0], at[1] - other[1]));
    panBy((point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
    zoomAt(apart(point) / apart(before), (point[0] + other[0]) / 2, (point[1] + other[1]) / 2);
    state.lasso = null;
  } else {
    panBy(point[0] - before[0], point[1] - before[1]);
  }
  points.set(event.pointerId, point);
});
const lifted = event => {
  if (!points.delete(event.pointerId)) return;
  if (state.lasso) {
    const line = state.lasso;
    state.lasso = null;
    if (line.length > 2) select(within(line), event.shiftKey);
    lassoOn(false);
    redraw();
  } else if (event.type === 'pointerup' && travelled < 6 * ratio() && points.size === 0) {
    const row = pictureAt(...pointOf(event));
    if (row >= 0 && event.shiftKey) pick(row);
    else if (row >= 0) open(row, false);
    else if (opened()) shut();
  }
};
world.addEventListener('pointerup', lifted);
world.addEventListener('pointercancel', lifted);
world.addEventListener('pointerleave', () => {
  state.hovered = -1;
  $('hovered').textContent = '';
  redraw();
});
world.addEventListener('wheel', event => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  zoomAt(2 ** (-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0025)), ...pointOf(event));
}, { passive: false });

const nearestToMiddle = () => {
  const { left, top, width, height } = room();
  const [x, y] = [(left + width / 2) * ratio(), (top + height / 2) * ratio()];
  const far = row => Math.hypot(toScreen(row)[0] - x, toScreen(row)[1] - y);
  return inView().reduce((best, row) => best < 0 || far(row) < far(best) ? row : best, -1);
};
const keys = {
  '+': () => step(1), '=': () => step(1), '-': () => step(-1), _: () => step(-1), 0: fit,
  ArrowLeft: () => panBy(80 * ratio(), 0), ArrowRight: () => panBy(-80 * ratio(), 0), ArrowUp: () => panBy(0, 80 * ratio()), ArrowDown: () => panBy(0, -80 * ratio()),
  l: () => lassoOn(!lassoing), n: () => walk(1), p: () => walk(-1), s: () => { if (state.current >= 0) pick(state.current); },
  P: poster, '?': () => $('keys').showModal(), '/': () => { panelOn(true); $('search').focus(); },
  Escape: () => {
    if (lassoing) lassoOn(false);
    else if (opened()) shut();
    else if (scene.picked) select([], false);
  },
};
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const at = event.target;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName) && event.key !== 'Escape') return;
  if (event.key === 'Enter' && (at === world || at === document.body || at.id === 'card-title')) {
    open(state.current >= 0 ? state.current : nearestToMiddle());
    event.preventDefault();
    return;
  }
  if (at.closest('#card') && event.key.startsWith('Arrow')) return;
  const digit = /^[1-9]$/.test(event.key) && looks[Number(event.key) - 1];
  const does = digit ? () => choose(digit[0]) : keys[event.key === 'L' ? 'l' : event.key];
  if (!does) return;
  event.preventDefault();
  does();
});

const panelOn = on => {
  $('panel').hidden = !on;
  $('toggle').setAttribute('aria-expanded', String(on));
  $('toggle').textContent = on ? 'Hide controls' : 'Controls';
  if (scene.layout && innerWidth >= 640) {
    dropTiles();
    fit();
  }
};
$('toggle').addEventListener('click', () => panelOn($('panel').hidden));
$('search').addEventListener('input', () => later(() => {
  hits = $('search').value.trim() ? searched($('search').value) : null;
  update(true);
}));
$('column').addEventListener('change', () => {
  chosen[chosen.layout] = $('column').value;
  // The first rank is the best one.
  if (chosen.layout === 'ranked') $('lowest').checked = chosen.lowest = /^rank\b/.test(chosen.ranked);
  update();
});
$('lowest').addEventListener('change', () => {
  chosen.lowest = $('lowest').checked;
  update();
});
$('colour').addEventListener('change', () => colourBy($('colour').value));
$('filter').addEventListener('change', () => {
  filterBy($('filter').value);
  $('filter').value = '';
});
$('lasso').addEventListener('click', () => lassoOn(!lassoing));
$('clear').addEventListener('click', () => select([], false));
$('save-selection').addEventListener('click', () => save(selection(), 'selection.csv'));
$('save-shown').addEventListener('click', () => save(scene.layout.order ?? state.shown, 'shown.csv'));
$('make-poster').addEventListener('click', poster);
$('show-keys').addEventListener('click', () => $('keys').showModal());
$('closer').addEventListener('click', () => step(1));
$('farther').addEventListener('click', () => step(-1));
$('whole').addEventListener('click', fit);
$('card-close').addEventListener('click', shut);
$('card-next').addEventListener('click', () => walk(1));
$('card-previous').addEventListener('click', () => walk(-1));
$('card-pick').addEventListener('click', () => pick(state.current));
$('poster-print').addEventListener('click', () => print());
$('poster-close').addEventListener('click', () => $('poster').close());
$('keys-close').addEventListener('click', () => $('keys').close());
addEventListener('resize', resized);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours = null;
  redraw();
});

$('title').textContent = data.title;
$('looks').replaceChildren(...looks.map(([value, textContent]) => {
  const button = make('button', { type: 'button', value, textContent, ariaPressed: 'false' });
  button.addEventListener('click', () => choose(value));
  return button;
}));
const optionsOf = (list, first) => [make('option', { value: '', textContent: first }), ...list.map(({ name }) => make('option', { value: name, textContent: name }))];
$('colour').replaceChildren(...optionsOf(named, 'nothing'));
$('colour-line').hidden = named.length === 0;
$('filter').replaceChildren(...optionsOf(columns.filter(column => named.includes(column) || isOrdered(column) && column.name !== 'row'), 'a column …'));
const unread = Array.from({ length: count }, (_, row) => row).filter(row => !isThere(row)).length;
if (unread) $('unread').textContent = `${numberOf(unread)} of them could not be read when this page was made: grey.`;
scene.selected = state.selected;
resized();
panelOn(innerWidth >= 640);
choose(chosen.layout);
loadSheets(() => {
  staleTiles();
  redraw();
}).then(() => {
  far.complete = true;
  redraw();
});

// For tests and for the curious.
window.atlas = Object.freeze({
  get firstPicture() { return state.firstPicture; },
  get layout() { return chosen.layout; },
  get shown() { return [...state.shown]; },
  get selection() { return selection(); },
  get settled() { return state.settled; },
  get scale() { return camera.scale; },
  count,
  columns: Object.freeze(columns.map(column => column.name)),
  cell: data.pictures.side,
  csv: rows => csvOf(rows),
  neighbours: row => nearTo(row),
  placeOf: row => [scene.layout.x[row], scene.layout.y[row]],
  screenOf: row => toScreen(row).map(value => value / ratio()),
  measurePanning,
});
