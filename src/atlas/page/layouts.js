// Where pictures lie: each layout gives places of the rows that are shown, in units of which a picture is about one long.
const given = new Map(data.layouts.map(({ name, places }) => [name, floats(places)]));
// Wider than high, unless the window is a phone's.
const aspect = () => innerWidth < 640 ? 0.6 : 1.5;

// A map: its own proportions, room for about twice its pictures.
const asMap = (rows, name) => {
  const places = given.get(name);
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let row = 0; row < count; row++) {
    left = Math.min(left, places[2 * row]);
    right = Math.max(right, places[2 * row]);
    top = Math.min(top, places[2 * row + 1]);
    bottom = Math.max(bottom, places[2 * row + 1]);
  }
  const [wide, high] = [Math.max(right - left, 1e-9), Math.max(bottom - top, 1e-9)];
  const scale = Math.sqrt(count * 1.5 / Math.max(wide * high, Math.max(wide, high) ** 2 / 20));
  for (const row of rows) {
    x[row] = (places[2 * row] - left) * scale;
    y[row] = (places[2 * row + 1] - top) * scale;
  }
  return { x, y, side: 1, growth: 0.75, bounds: [-0.5, -0.5, wide * scale + 0.5, high * scale + 0.5], marks: [] };
};

// Rows one after the other, read from left to right.
const asRows = (rows, marks = []) => {
  const across = Math.max(1, Math.ceil(Math.sqrt(rows.length * aspect())));
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  rows.forEach((row, at) => {
    x[row] = at % across;
    y[row] = Math.floor(at / across);
  });
  const down = Math.ceil(rows.length / across);
  return { x, y, side: 0.94, growth: 1, across, bounds: [-0.5, -0.5, Math.min(across, rows.length) - 0.5, down - 0.5], marks };
};

// A map's pictures in cells, each in its own. Half of them go to the left and half to the right, as many as cells are there, then up and down, and so on;
// after which neighbours change places as long as that brings pictures nearer to where the map has them (squared, summed).
const asGrid = (rows, name) => {
  if (!given.has(name)) return asRows([...rows]);
  const places = given.get(name);
  const total = rows.length;
  const across = Math.max(1, Math.ceil(Math.sqrt(total * aspect())));
  const down = Math.max(1, Math.ceil(total / across));
  const cells = new Int32Array(across * down).fill(-1);
  const order = Int32Array.from(rows);
  const along = (axis, from, to) => order.subarray(from, to).sort((a, b) => places[2 * a + axis] - places[2 * b + axis] || places[2 * a + 1 - axis] - places[2 * b + 1 - axis] || a - b);
  const part = (from, to, left, top, wide, high) => {
    if (to <= from) return;
    if (wide === 1 && high === 1) {
      cells[top * across + left] = order[from];
      return;
    }
    const axis = wide >= high ? 0 : 1;
    along(axis, from, to);
    const [length, other] = axis === 0 ? [wide, high] : [high, wide];
    const first = length >> 1;
    const ideal = Math.round((to - from) * first / length);
    const half = from + Math.max(to - from - (length - first) * other, Math.min(ideal, first * other));
    if (axis === 0) {
      part(from, half, left, top, first, high);
      part(half, to, left + first, top, wide - first, high);
    } else {
      part(from, half, left, top, wide, first);
      part(half, to, left, top + first, wide, high - first);
    }
  };
  part(0, total, 0, 0, across, down);
  // Where each would like to be, in cells: by its rank along each axis, so that crowded parts of the map do not all pull to one cell.
  const wish = [new Float32Array(count), new Float32Array(count)];
  for (const axis of [0, 1]) {
    const [least, most] = rows.reduce(([low, high], row) => [Math.min(low, places[2 * row + axis]), Math.max(high, places[2 * row + axis])], [Infinity, -Infinity]);
    along(axis, 0, total).forEach((row, rank) => {
      const plain = (places[2 * row + axis] - least) / Math.max(most - least, 1e-9);
      wish[axis][row] = (0.5 * plain + 0.5 * (rank + 0.5) / total) * [across, down][axis] - 0.5;
    });
  }
  const cost = (row, cx, cy) => row < 0 ? 0 : (wish[0][row] - cx) ** 2 + (wish[1][row] - cy) ** 2;
  const exchange = (ax, ay, bx, by) => {
    if (bx < 0 || bx >= across || by >= down) return false;
    const [a, b] = [ay * across + ax, by * across + bx];
    const [one, other] = [cells[a], cells[b]];
    if (cost(one, bx, by) + cost(other, ax, ay) >= cost(one, ax, ay) + cost(other, bx, by) - 1e-6) return false;
    [cells[a], cells[b]] = [other, one];
    return true;
  };
  for (let pass = 0, moved = true; pass < 12 && moved; pass++) {
    moved = false;
    for (let cy = 0; cy < down; cy++) for (let cx = 0; cx < across; cx++) {
      for (const [dx, dy] of [[1, 0], [0, 1], [1, 1], [-1, 1]]) moved = exchange(cx, cy, cx + dx, cy + dy) || moved;
    }
  }
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  cells.forEach((row, cell) => {
    if (row < 0) return;
    x[row] = cell % across;
    y[row] = Math.floor(cell / across);
  });
  return { x, y, side: 0.94, growth: 1, across, bounds: [-0.5, -0.5, across - 0.5, down - 0.5], marks: [] };
};

// By a number: the best first; those without one come last.
const asRanked = (rows, column, lowestFirst) => {
  const values = numbersOf(column);
  const sign = lowestFirst ? 1 : -1;
  const rank = row => Number.isNaN(values[row]) ? Infinity : sign * values[row];
  const sorted = [...rows].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)) || a - b);
  const layout = asRows(sorted);
  for (let at = 0; at < sorted.length; at += layout.across) {
    layout.marks.push({ x: -0.7, y: at / layout.across, text: saidOf(column, values[sorted[at]]) || 'none', align: 'right' });
  }
  layout.order = sorted;
  layout.bounds[0] -= Math.max(1, layout.across / 16);
  return layout;
};

// In time, or along any number: stacks, each of an equal step; those without a number stand aside.
const asTime = (rows, column) => {
  const values = numbersOf(column);
  const there = rows.filter(row => !Number.isNaN(values[row]));
  const without = rows.filter(row => Number.isNaN(values[row]));
  const [least, most] = there.reduce(([low, high], row) => [Math.min(low, values[row]), Math.max(high, values[row])], [Infinity, -Infinity]);
  const whole = column.kind === 'number' && there.every(row => Number.isInteger(values[row]));
  let step = (most - least) / 40 || 1;
  if (whole) step = Math.max(1, Math.ceil((most - least + 1) / 80));
  const bins = there.length ? Math.max(1, Math.min(81, Math.floor((most - least) / step * (1 + 1e-12)) + (whole ? 1 : 0) || 1)) : 0;
  const stacks = Array.from({ length: bins }, () => []);
  for (const row of there) stacks[Math.min(bins - 1, Math.floor((values[row] - least) / step))].push(row);
  const highest = Math.max(1, ...stacks.map(stack => stack.length), without.length);
  const across = Math.max(1, Math.round(Math.sqrt(2 * highest / Math.max(1, bins + 1))));
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  const marks = [];
  const pitch = across + 0.4;
  const stand = (stack, left, text) => {
    stack.sort((a, b) => (values[a] - values[b]) || a - b);
    stack.forEach((row, at) => {
      x[row] = left + at % across;
      y[row] = -Math.floor(at / across);
    });
    marks.push({ x: left + (across - 1) / 2, y: 0.5, text, align: 'center' });
  };
  stacks.forEach((stack, at) => stand(stack, at * pitch, saidOf(column, least + at * step)));
  if (without.length) stand(without, (bins + 1) * pitch, 'no value');
  const wide = (bins + (without.length ? 2 : 0)) * pitch;
  return { x, y, side: 0.94, growth: 1, bounds: [-1, -Math.ceil(highest / across), wide, 1.6], marks };
};

// Rows by squares of the plane, so that those of a rectangle are found at once.
const indexed = (layout, rows) => {
  const [left, top, right, bottom] = layout.bounds;
  const square = Math.max(0.5, Math.sqrt((right - left) * (bottom - top) / Math.max(1, rows.length) * 6));
  const [wide, high] = [Math.max(1, Math.ceil((right - left) / square)), Math.max(1, Math.ceil((bottom - top) / square))];
  const within = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
  const squareOf = row => within((layout.y[row] - top) / square, high) * wide + within((layout.x[row] - left) / square, wide);
  const starts = new Uint32Array(wide * high + 1);
  for (const row of rows) starts[squareOf(row) + 1] += 1;
  for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
  const [members, next] = [new Uint32Array(rows.length), starts.slice()];
  for (const row of rows) members[next[squareOf(row)]++] = row;
  // All whose middles lie within; those of made pictures last, as they lie on top.
  return (x0, y0, x1, y1) => {
    const found = [];
    if (x1 < left - square || y1 < top - square || x0 > right + square || y0 > bottom + square) return found;
    for (let v = within((y0 - top) / square, high); v <= within((y1 - top) / square, high); v++) {
      const from = starts[v * wide + within((x0 - left) / square, wide)];
      const to = starts[v * wide + within((x1 - left) / square, wide) + 1];
      for (let at = from; at < to; at++) {
        const row = members[at];
        if (layout.x[row] >= x0 && layout.x[row] <= x1 && layout.y[row] >= y0 && layout.y[row] <= y1) found.push(row);
      }
    }
    return found.sort((a, b) => (frameOf[a] >= 0) - (frameOf[b] >= 0) || a - b);
  };
};
