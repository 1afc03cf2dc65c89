// A sitting with pictures: each is answered for by every reading, in an order that is a function of the annotator's code. Which class a picture is of, or what
// made it, is not in this page.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = id => document.getElementById(id);
  const made = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const ANSWERS = [['yes', 'y'], ['no', 'n'], ['unsure', 'u']];
  const key = name => `metapicture-annotate-${data.version}-${name}`;
  const stored = name => {
    try { return JSON.parse(localStorage.getItem(key(name))); } catch { return null; }
  };
  const clean = name => name.replace(/[^A-Za-z0-9_-]/g, '').slice(0, 40);

  let [name, labels, done, order, at, asked] = ['', {}, [], [], 0, 0];
  let [points, draws, shown] = [[], false, 0];
  const keep = () => {
    try { localStorage.setItem(key(name), JSON.stringify({ labels, done })); } catch { /* A browser that keeps nothing loses a sitting that is reloaded. */ }
  };

  // Mulberry32, begun by an FNV-1a hash of the code.
  const shuffled = word => {
    let state = 0x811c9dc5;
    for (const letter of word) state = Math.imul(state ^ letter.codePointAt(0), 0x01000193) >>> 0;
    const random = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    const numbers = data.images.map((_, number) => number);
    for (let last = numbers.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [numbers[last], numbers[other]] = [numbers[other], numbers[last]];
    }
    return numbers;
  };

  const show = id => {
    for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
    window.scrollTo(0, 0);
  };
  const own = () => labels[order[at]] ??= { answers: {}, regions: [], text: '', ms: 0 };
  const isDone = number => {
    const of = labels[number];
    return Boolean(of) && data.readings.every(reading => of.answers[reading.name]);
  };
  const count = () => order.filter(isDone).length;

  const picture = () => {
    const { answers, text } = own();
    $('picture').src = `data:image/jpeg;base64,${data.images[order[at]]}`;
    $('text').value = text;
    asked = Math.max(0, data.readings.findIndex(reading => !answers[reading.name]));
    [points, draws, shown] = [[], false, performance.now()];
    $('how-far').textContent = `${at + 1} of ${order.length}, ${count()} done`;
    $('done').style.width = `${100 * count() / order.length}%`;
    show('label');
    paint();
    if (data.text && !text) $('text').focus();
  };
  const paint = () => {
    const { answers, regions } = own();
    $('answers').replaceChildren(...data.readings.map((reading, place) => {
      const box = made('div', { className: place === asked ? 'question asked' : 'question' });
      box.append(made('p', { textContent: reading.says }));
      for (const [answer, letter] of ANSWERS) {
        const button = made('button', { type: 'button', textContent: answer, title: letter.toUpperCase() });
        button.dataset.reading = reading.name;
        button.setAttribute('aria-pressed', String(answers[reading.name] === answer));
        button.addEventListener('click', () => { asked = place; give(answer); });
        box.append(button, ' ');
      }
      return box;
    }));
    const shapes = regions.map(of => ['polygon', of.points]).concat(points.length ? [['polyline', points]] : []);
    $('regions').setAttribute('viewBox', '0 0 1 1');
    $('regions').setAttribute('preserveAspectRatio', 'none');
    $('regions').replaceChildren(...shapes.map(([tag, corners]) => {
      const shape = document.createElementNS('http://www.w3.org/2000/svg', tag);
      shape.setAttribute('points', corners.map(corner => corner.join(',')).join(' '));
      return shape;
    }));
    $('frame').classList.toggle('draws', draws);
    $('drawing').textContent = draws ? `A region of "${data.readings[asked].name}": click its corners; Enter ends it, Escape gives it up.` : '';
    $('draw').setAttribute('aria-pressed', String(draws));
    $('undo').disabled = done.length === 0;
    $('back').disabled = at === 0;
  };
  const give = answer => {
    const of = own();
    const reading = data.readings[asked].name;
    done.push({ number: order[at], reading, before: of.answers[reading] ?? null });
    of.answers[reading] = answer;
    of.ms += Math.round(performance.now() - shown);
    shown = performance.now();
    keep();
    const next = data.readings.findIndex(other => !of.answers[other.name]);
    if (next < 0) return forth();
    asked = next;
    paint();
  };
  const undo = () => {
    const last = done.pop();
    if (!last) return;
    if (last.region) labels[last.number].regions.pop();
    else if (last.before) labels[last.number].answers[last.reading] = last.before;
    else delete labels[last.number].answers[last.reading];
    keep();
    at = order.indexOf(last.number);
    picture();
  };
  const forth = () => {
    if (at + 1 < order.length) { at += 1; picture(); } else end();
  };
  const back = () => {
    if (at > 0) { at -= 1; picture(); }
  };
  const close = () => {
    if (points.length > 2) {
      own().regions.push({ reading: data.readings[asked].name, points });
      done.push({ number: order[at], region: true });
      keep();
    }
    [points, draws] = [[], false];
    paint();
  };

  const cell = value => {
    const text = String(value ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const table = () => {
    const readings = data.readings.map(reading => reading.name);
    const rows = order.filter(number => labels[number]).sort((a, b) => a - b).map(number => {
      const of = labels[number];
      return [name, data.version, number, ...readings.map(reading => of.answers[reading]), of.text, of.ms];
    });
    return [['annotator', 'version', 'picture', ...readings, 'text', 'ms'], ...rows].map(row => row.map(cell).join(',')).join('\r\n') + '\r\n';
  };
  // As COCO has them, but corners as shares of the picture's sides: the page shows copies of another size.
  const regions = () => JSON.stringify({
    version: data.version,
    annotator: name,
    annotations: order.flatMap(number => (labels[number]?.regions ?? []).map(of => ({ picture: number, reading: of.reading, corners: of.points }))),
  });
  const save = (id, kind, text, file) => {
    $(id).href = `data:${kind};charset=utf-8,${encodeURIComponent(text)}`;
    $(id).download = file;
  };
  const end = () => {
    const left = order.length - count();
    $('ended').textContent = left ? `${left} of ${order.length} pictures have not every answer yet; they are left out of what is counted.` : `All ${order.length} pictures have their answers.`;
    save('download', 'text/csv', table(), `labels-${name}.csv`);
    save('download-regions', 'application/json', regions(), `regions-${name}.json`);
    $('with-regions').hidden = !order.some(number => labels[number]?.regions.length);
    show('end');
  };

  $('begin').querySelector('h1').textContent = data.title;
  for (const paragraph of data.words.split(/\n\s*\n/)) $('words').append(made('p', { textContent: paragraph.trim() }));
  $('readings').append(...data.readings.map(reading => made('li', { textContent: reading.says })));
  $('saying').hidden = !data.text;
  const given = clean(new URLSearchParams(location.search).get('code') || '');
  const named = () => {
    $('start').disabled = !clean($('name').value);
    $('resumed').hidden = !clean($('name').value) || !stored(clean($('name').value));
  };
  $('name').value = given;
  named();
  $('name').addEventListener('input', named);
  const start = () => {
    name = clean($('name').value);
    if (!name) return;
    ({ labels, done } = stored(name) ?? { labels: {}, done: [] });
    order = shuffled(`${data.version} ${name}`);
    at = order.findIndex(number => !isDone(number));
    if (at < 0) { at = 0; end(); } else picture();
  };
  $('start').addEventListener('click', start);
  $('name').addEventListener('keydown', event => { if (event.key === 'Enter') start(); });
  $('text').addEventListener('input', () => { own().text = $('text').value.trim(); keep(); });
  $('back').addEventListener('click', back);
  $('forth').addEventListener('click', forth);
  $('undo').addEventListener('click', undo);
  $('save-now').addEventListener('click', end);
  $('again').addEventListener('click', () => { at = 0; picture(); });
  $('draw').addEventListener('click', () => { [draws, points] = [!draws, []]; paint(); });
  $('regions').addEventListener('click', event => {
    if (!draws) return;
    const box = $('regions').getBoundingClientRect();
    const share = (value, from, length) => Math.round(10000 * Math.min(1, Math.max(0, (value - from) / length))) / 10000;
    points.push([share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)]);
    paint();
  });
  $('forget').addEventListener('click', () => {
    try { localStorage.removeItem(key(name)); } catch { /* Nothing was kept. */ }
    $('ended').textContent = 'Deleted from this browser.';
    $('download').hidden = $('download-regions').hidden = $('forget').hidden = $('again').hidden = true;
  });
  document.addEventListener('keydown', event => {
    if ($('label').hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const pressed = event.key.toLowerCase();
    if (document.activeElement === $('text')) {
      if (pressed === 'escape') $('text').blur();
      return;
    }
    const answer = ANSWERS.find(([, letter]) => letter === pressed);
    if (draws && pressed === 'enter') close();
    else if (draws && pressed === 'escape') { [points, draws] = [[], false]; paint(); }
    else if (answer) give(answer[0]);
    else if (pressed === 'z') undo();
    else if (pressed === 'd') { [draws, points] = [true, []]; paint(); }
    else if (pressed === 'arrowright') forth();
    else if (pressed === 'arrowleft') back();
    else return;
    event.preventDefault();
  });
})();
