// The plane in tiles of 512 pixels at steps of half an octave: drawn a few milliseconds a frame, kept while there is room. Until the right ones are there,
// those of other steps are shown in their place.
const TILE = 512;
const KEPT = 150;
const WORK = 6;
const tiles = new Map();
const spare = [];
// What tiles show; the view sets it.
const scene = { layout: null, find: () => [], unit: 1, epoch: 0, colour: null, selected: null, picked: 0, ring: '#2a5db0', ground: '#fff' };

const scaleOf = level => scene.unit * 2 ** (level / 2);
// The side of a picture in pixels of a level: grows more slowly than the map, so that pictures that overlap come apart.
const sideOf = level => scene.layout.side * scene.unit * 2 ** (level / 2 * scene.layout.growth);

const dropTiles = () => {
  for (const tile of tiles.values()) for (const context of [tile.shown, tile.making]) if (context && spare.length < 40) spare.push(context);
  tiles.clear();
  scene.epoch += 1;
};
const staleTiles = () => { scene.epoch += 1; };
const blankTile = () => {
  const context = spare.pop() ?? make('canvas', { width: TILE, height: TILE }).getContext('2d');
  context.globalAlpha = 1;
  context.clearRect(0, 0, TILE, TILE);
  context.imageSmoothingQuality = 'low';
  return context;
};

// One picture with its frames.
const drawFramed = (context, row, x, y, side) => {
  const dimmed = scene.picked > 0 && !scene.selected[row];
  if (dimmed) context.globalAlpha = 0.25;
  const drawn = drawPicture(context, row, x, y, side);
  const method = frameOf[row];
  const colour = method >= 0 ? MADE[method % MADE.length] : scene.colour ? scene.colour(row) : null;
  if (colour || scene.picked > 0 && !dimmed) {
    const [width, height] = shapeOf(row, side);
    const frame = (ink, thick, out) => {
      context.strokeStyle = ink;
      context.lineWidth = thick;
      context.strokeRect(x - width / 2 - out, y - height / 2 - out, width + 2 * out, height + 2 * out);
    };
    const thick = Math.max(method >= 0 ? 2 : 1.5, Math.min(6, side * (method >= 0 ? 0.07 : 0.05)));
    if (method >= 0) frame('#000', thick + 1.5, 0);
    if (colour) frame(colour, thick, 0);
    if (scene.picked > 0 && !dimmed) frame(scene.ring, Math.max(1.5, thick * 0.7), thick * 0.8);
  }
  if (dimmed) context.globalAlpha = 1;
  return drawn;
};

const wantTile = (level, tx, ty) => {
  const key = `${level},${tx},${ty}`;
  let tile = tiles.get(key);
  if (!tile) {
    tile = { level, tx, ty, shown: null, epoch: -1, making: null, rows: null, next: 0, real: false };
    tiles.set(key, tile);
  } else {
    // The latest used comes last.
    tiles.delete(key);
    tiles.set(key, tile);
  }
  return tile;
};
const begin = tile => {
  const scale = scaleOf(tile.level);
  const reach = (sideOf(tile.level) / 2 + 8) / scale;
  const [left, top, size] = [tile.tx * TILE / scale, tile.ty * TILE / scale, TILE / scale];
  tile.rows = scene.find(left - reach, top - reach, left + size + reach, top + size + reach);
  tile.making = blankTile();
  tile.next = 0;
  tile.of = scene.epoch;
};
// Works on a tile until `end`; whether it is finished.
const work = (tile, end) => {
  if (tile.making && tile.of !== scene.epoch) {
    spare.push(tile.making);
    tile.making = null;
  }
  if (!tile.making) begin(tile);
  const [scale, side] = [scaleOf(tile.level), sideOf(tile.level)];
  const { x, y } = scene.layout;
  while (tile.next < tile.rows.length) {
    for (const stop = Math.min(tile.rows.length, tile.next + 64); tile.next < stop; tile.next++) {
      const row = tile.rows[tile.next];
      if (drawFramed(tile.making, row, x[row] * scale - tile.tx * TILE, y[row] * scale - tile.ty * TILE, side)) tile.real = true;
    }
    if (performance.now() >= end) break;
  }
  if (tile.next < tile.rows.length) return false;
  if (tile.shown) spare.push(tile.shown);
  tile.shown = tile.making;
  tile.making = tile.rows = null;
  tile.epoch = tile.of;
  return true;
};
const forgetTiles = () => {
  for (const [key, tile] of tiles) {
    if (tiles.size <= KEPT) break;
    for (const context of [tile.shown, tile.making]) if (context && spare.length < 40) spare.push(context);
    tiles.delete(key);
  }
};

// Draws what a view of the plane shows (`scale` pixels a unit, its left upper corner at `left`, `top`); gives tiles that are to be made, and whether any
// picture was seen.
const drawTiles = (context, left, top, scale, width, height) => {
  const level = Math.round(2 * Math.log2(scale / scene.unit));
  const zoom = scale / scaleOf(level);
  const [first, last] = [[left, top], [left + width / scale, top + height / scale]].map(corner => corner.map(value => Math.floor(value * scaleOf(level) / TILE)));
  const missing = [];
  let real = false;
  context.imageSmoothingEnabled = true;
  for (let ty = first[1]; ty <= last[1]; ty++) for (let tx = first[0]; tx <= last[0]; tx++) {
    const tile = wantTile(level, tx, ty);
    const edge = (number, origin) => Math.round(number * TILE * zoom - origin * scale);
    const [x0, y0] = [edge(tx, left), edge(ty, top)];
    const [w, h] = [edge(tx + 1, left) - x0, edge(ty + 1, top) - y0];
    if (tile.epoch !== scene.epoch) missing.push(tile);
    if (tile.shown) {
      if (zoom === 1) context.drawImage(tile.shown.canvas, x0, y0);
      else context.drawImage(tile.shown.canvas, x0, y0, w, h);
      real ||= tile.real;
      continue;
    }
    // A coarser tile that has this part, the finest of them.
    let found = false;
    for (let step = 1; step <= 14 && !found; step++) {
      const share = 2 ** (step / 2);
      const [u, v] = [tx * TILE / share, ty * TILE / share];
      const [px, py] = [Math.floor(u / TILE), Math.floor(v / TILE)];
      const parent = tiles.get(`${level - step},${px},${py}`);
      // A part that lies across the edges of coarser tiles is shown as far as this one goes.
      if (!parent || !parent.shown) continue;
      const [uw, vh] = [Math.min(TILE / share, TILE * (px + 1) - u), Math.min(TILE / share, TILE * (py + 1) - v)];
      context.drawImage(parent.shown.canvas, u - px * TILE, v - py * TILE, uw, vh, x0, y0, w * uw * share / TILE, h * vh * share / TILE);
      real ||= parent.real;
      found = true;
    }
    if (!found && tile.making) {
      context.drawImage(tile.making.canvas, x0, y0, w, h);
      real ||= tile.real;
    }
  }
  const centre = [(first[0] + last[0]) / 2, (first[1] + last[1]) / 2];
  missing.sort((a, b) => Math.hypot(a.tx - centre[0], a.ty - centre[1]) - Math.hypot(b.tx - centre[0], b.ty - centre[1]));
  return { missing, real, level };
};
