// The window onto the plane: a camera, a frame, the way from one layout to the next.
const world = $('world');
const context = world.getContext('2d', { alpha: false });
const camera = { x: 0, y: 0, scale: 1 };
const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const ratio = () => Math.min(2, devicePixelRatio || 1);
const state = { name: '', shown: [], selected: new Uint8Array(count), current: -1, hovered: -1, firstPicture: null, lasso: null, moving: null, settled: false, panned: 0 };
const closest = { level: 24 };

let asked = false;
const redraw = () => {
  state.settled = false;
  if (!asked) {
    asked = true;
    requestAnimationFrame(frame);
  }
};
// What controls and cards leave free of the window, in its own pixels.
const room = () => {
  const [wide, high] = [innerWidth, innerHeight];
  if (wide < 640) return { left: 0, top: 0, width: wide, height: high - 64 };
  const left = $('panel').hidden ? 0 : $('panel').offsetWidth + 16;
  return { left, top: 0, width: Math.max(200, wide - left), height: high };
};
const fitted = layout => {
  const { left, top, width, height } = room();
  const [x0, y0, x1, y1] = layout.bounds;
  const share = 0.95 * ratio();
  const scale = Math.min(width * share / (x1 - x0), height * share / (y1 - y0), 160 * ratio());
  return { scale, x: (x0 + x1) / 2 - (left + width / 2) * ratio() / scale, y: (y0 + y1) / 2 - (top + height / 2) * ratio() / scale };
};
const fit = () => {
  Object.assign(camera, fitted(scene.layout));
  scene.unit = camera.scale;
  redraw();
};
const resized = () => {
  const [width, height] = [Math.round(innerWidth * ratio()), Math.round(innerHeight * ratio())];
  if (world.width === width && world.height === height) return;
  world.width = width;
  world.height = height;
  if (scene.layout) {
    dropTiles();
    fit();
  }
};
const levelNow = () => Math.round(2 * Math.log2(camera.scale / scene.unit));
const sideNow = () => sideOf(levelNow()) * camera.scale / scaleOf(levelNow());
const toScreen = row => [(scene.layout.x[row] - camera.x) * camera.scale, (scene.layout.y[row] - camera.y) * camera.scale];

const zoomAt = (factor, x, y) => {
  const least = scene.unit / 4;
  const scale = Math.max(least, Math.min(scene.unit * 2 ** (closest.level / 2), camera.scale * factor));
  camera.x += x / camera.scale - x / scale;
  camera.y += y / camera.scale - y / scale;
  camera.scale = scale;
  redraw();
};
// By whole steps, so that tiles are shown as they were drawn.
const step = by => {
  const { left, top, width, height } = room();
  zoomAt(scaleOf(levelNow() + by) / camera.scale, (left + width / 2) * ratio(), (top + height / 2) * ratio());
};
const panBy = (dx, dy) => {
  camera.x -= dx / camera.scale;
  camera.y -= dy / camera.scale;
  redraw();
};
const goTo = row => {
  const { left, top, width, height } = room();
  const [x, y] = toScreen(row);
  const free = innerWidth < 640 ? height * 0.4 : height;
  const inside = x > left * ratio() && x < (left + width - ($('card').hidden ? 0 : $('card').offsetWidth)) * ratio() && y > top && y < (top + free) * ratio();
  if (inside) return redraw();
  camera.x = scene.layout.x[row] - (left + width / 2) * ratio() / camera.scale;
  camera.y = scene.layout.y[row] - (top + free / 2) * ratio() / camera.scale;
  redraw();
};

// The picture on top at a point.
const pictureAt = (x, y) => {
  const [side, scale] = [sideNow(), camera.scale];
  const [wx, wy, reach] = [camera.x + x / scale, camera.y + y / scale, side / 2 / scale];
  const under = scene.find(wx - reach, wy - reach, wx + reach, wy + reach).filter(row => {
    const [width, height] = shapeOf(row, side);
    const [px, py] = toScreen(row);
    return Math.abs(px - x) <= width / 2 && Math.abs(py - y) <= height / 2;
  });
  return under.length ? under[under.length - 1] : -1;
};
const inView = () => {
  const [w, h] = [world.width / camera.scale, world.height / camera.scale];
  return scene.find(camera.x, camera.y, camera.x + w, camera.y + h);
};

const ink = () => getComputedStyle(document.documentElement).getPropertyValue('--ink').trim();
const paper = () => getComputedStyle(document.documentElement).getPropertyValue('--paper').trim();
let colours = null;
const drawMarks = () => {
  if (!scene.layout.marks.length) return;
  const size = 12 * ratio();
  context.font = `${size}px system-ui, sans-serif`;
  context.fillStyle = colours.ink;
  context.textBaseline = 'middle';
  let [lastX, lastY] = [-Infinity, -Infinity];
  for (const { x, y, text, align } of scene.layout.marks) {
    const [px, py] = [(x - camera.x) * camera.scale, (y - camera.y) * camera.scale + (align === 'center' ? size : 0)];
    const wide = context.measureText(text).width;
    // Those that would lie upon the last one are left out.
    if (align === 'center' ? px - wide / 2 < lastX + 8 : py - size < lastY) continue;
    [lastX, lastY] = [px + wide / 2, py];
    context.textAlign = align;
    context.fillText(text, px, align === 'center' ? Math.min(py, world.height - size) : py);
  }
};
const ringAround = (row, ink, thick) => {
  if (row < 0 || !state.isShown[row]) return;
  const [x, y] = toScreen(row);
  const [width, height] = shapeOf(row, sideNow());
  context.strokeStyle = ink;
  context.lineWidth = thick * ratio();
  context.strokeRect(x - width / 2 - thick, y - height / 2 - thick, width + 2 * thick, height + 2 * thick);
};

let nearLater = 0;
function frame(time) {
  asked = false;
  if (!scene.layout) return;
  colours ??= { ink: ink(), paper: paper() };
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, world.width, world.height);
  if (state.moving) return animate(time);
  const { missing, real, level } = drawTiles(context, camera.x, camera.y, camera.scale, world.width, world.height);
  drawMarks();
  ringAround(state.hovered, colours.ink, 1.5);
  ringAround(state.current, scene.ring, 3);
  if (state.lasso) {
    context.beginPath();
    state.lasso.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.strokeStyle = scene.ring;
    context.lineWidth = 2 * ratio();
    context.setLineDash([6, 4]);
    context.stroke();
    context.setLineDash([]);
  }
  if (real && state.firstPicture === null) state.firstPicture = performance.now();
  const end = performance.now() + WORK;
  for (const tile of missing) if (!work(tile, end)) break;
  forgetTiles();
  state.settled = missing.length === 0 && far.complete === true;
  if (missing.length) redraw();
  else if (close && sideOf(level) > far.side * 1.2) {
    // Once it stands still.
    clearTimeout(nearLater);
    nearLater = setTimeout(() => wantNear(inView(), nearCame), 120);
  }
}
// Pictures have come from near: what is seen is drawn once more, not for each sheet.
let nearSoon = 0;
const nearCame = () => {
  nearSoon ||= setTimeout(() => {
    nearSoon = 0;
    staleTiles();
    redraw();
  }, 200);
};

// From one layout to the next; few pictures fly, many are there at once.
const FLYING = 1500;
const show = (name, layout, rows, keepCamera) => {
  const before = scene.layout && { layout: scene.layout, camera: { ...camera }, side: sideNow(), shown: state.isShown };
  const same = state.name === name;
  scene.layout = layout;
  scene.find = indexed(layout, rows);
  state.name = name;
  state.shown = rows;
  state.isShown = new Uint8Array(count);
  for (const row of rows) state.isShown[row] = 1;
  dropTiles();
  if (!(same && keepCamera)) fit();
  if (before && !still() && rows.length <= FLYING && !(same && keepCamera)) state.moving = { before, start: null };
  redraw();
};
const animate = time => {
  const { before } = state.moving;
  state.moving.start ??= time;
  const part = Math.min(1, (time - state.moving.start) / 450);
  const eased = part * part * (3 - 2 * part);
  const side = before.side + (sideNow() - before.side) * eased;
  for (const row of [...state.shown].sort((a, b) => (frameOf[a] >= 0) - (frameOf[b] >= 0))) {
    const [x, y] = toScreen(row);
    if (!before.shown[row]) {
      context.globalAlpha = eased;
      drawFramed(context, row, x, y, side);
      context.globalAlpha = 1;
      continue;
    }
    const [fromX, fromY] = [(before.layout.x[row] - before.camera.x) * before.camera.scale, (before.layout.y[row] - before.camera.y) * before.camera.scale];
    drawFramed(context, row, fromX + (x - fromX) * eased, fromY + (y - fromY) * eased, side);
  }
  if (part >= 1) state.moving = null;
  redraw();
};

// Frames a second while it pans by itself, over pictures a little larger than at first.
const measurePanning = seconds => new Promise(done => {
  fit();
  step(3);
  const [startX, startY] = [camera.x, camera.y];
  const reach = Math.min(world.width, 900) / camera.scale;
  let [frames, start, last, longest] = [0, null, 0, 0];
  const tick = time => {
    start ??= time;
    if (frames > 0) longest = Math.max(longest, time - last);
    last = time;
    const turn = (time - start) / 1000;
    if (turn >= seconds) return done({ framesPerSecond: (frames - 1) / turn, longest });
    frames += 1;
    camera.x = startX + reach * Math.sin(turn * 1.1);
    camera.y = startY + reach * Math.sin(turn * 0.7);
    redraw();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
});
