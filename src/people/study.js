// A sitting: consent, practice, trials, the file of answers. The order of trials is a function of the participant's code, and which of two
// photographs is right is not in this page, except in practice.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = id => document.getElementById(id);
  const COLUMNS = ['participant', 'version', 'trial', 'part', 'unit', 'method', 'left', 'right', 'answer', 'ms', 'sure', 'width', 'height', 'text'];
  const STORED = `metapicture-study-${data.version}`;

  // ---- Who sits here, and what they will see

  const stored = () => {
    try { return JSON.parse(localStorage.getItem(STORED)); } catch { return null; }
  };
  const given = new URLSearchParams(location.search).get('code');
  const drawn = () => {
    const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
    return [...crypto.getRandomValues(new Uint32Array(8))].map(number => letters[number % letters.length]).join('');
  };
  const before = stored();
  const named = (given || '').replace(/[^A-Za-z0-9_-]/g, '').slice(0, 40);
  const resumes = before && before.rows.length > 0 && (!named || before.participant === named);
  const sitting = resumes ? before : { participant: named || drawn(), rows: [] };
  const keep = () => {
    try { localStorage.setItem(STORED, JSON.stringify(sitting)); } catch { /* A browser that keeps nothing loses a sitting that is reloaded. */ }
  };
  const forget = () => {
    try { localStorage.removeItem(STORED); } catch { /* Nothing was kept. */ }
  };

  // Mulberry32, begun by an FNV-1a hash of the code.
  let state = 0x811c9dc5;
  for (const letter of `${data.version} ${sitting.participant}`) state = Math.imul(state ^ letter.codePointAt(0), 0x01000193) >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = count => Math.floor(random() * count);
  const shuffled = list => {
    const order = [...list];
    for (let last = order.length - 1; last > 0; last--) {
      const other = below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  };
  const turned = pair => random() < 0.5 ? [pair[0], pair[1]] : [pair[1], pair[0]];

  const methods = data.groups[0].length;
  const practice = data.practice.map((one, at) => ({ part: 'practice', unit: `p${at}`, method: '', panel: shuffled(one.panel), pair: turned(one.pair), right: one.right }));
  const catches = data.catches.map((one, at) => ({ part: 'catch', unit: `c${at}`, method: '', panel: shuffled(one.panel), pair: turned(one.pair) }));
  const [row, kind] = [below(methods), below(2)];
  const main = shuffled(data.groups.map((group, at) => ({ group, at }))).slice(0, data.per_method).flatMap(({ group, at }, turn) =>
    group.map((unit, place) => {
      // A Latin square: every unit of a group with another method, and over participants with every method.
      const method = (place + row + turn) % methods;
      const pairs = unit.pairs[(turn + method + kind) % 2];
      return { part: 'main', unit: `u${at * methods + place}`, method: `m${method}`, panel: shuffled(unit.panels[method]), pair: turned(pairs[below(pairs.length)]) };
    }));
  const mixed = shuffled(main);
  const every = Math.max(1, Math.floor(mixed.length / (catches.length + 1)));
  const trials = [...practice];
  mixed.forEach((trial, at) => {
    trials.push({ ...trial, describe: data.describe_every > 0 && (at + 1) % data.describe_every === 0 });
    const next = (at + 1) / every - 1;
    if (Number.isInteger(next) && next < catches.length) trials.push(catches[next]);
  });
  // Where there are more catch trials than trials to put them between.
  trials.push(...catches.slice(Math.floor(mixed.length / every)));

  // ---- What is shown

  const show = id => {
    for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
    window.scrollTo(0, 0);
  };
  const source = image => `data:image/jpeg;base64,${data.images[image]}`;
  let at = sitting.rows.filter(answer => answer.part !== 'description').length;
  let [shown, phase, answer, took] = [0, 'none', '', 0];

  const write = values => {
    sitting.rows.push({ participant: sitting.participant, version: data.version, trial: at, width: innerWidth, height: innerHeight, ...values });
    keep();
  };
  const cell = value => {
    const text = String(value ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const table = () => [COLUMNS.join(','), ...sitting.rows.map(answer => COLUMNS.map(column => cell(answer[column])).join(','))].join('\r\n') + '\r\n';

  const trial = async () => {
    if (at >= trials.length) return end();
    phase = 'loading';
    const { panel, pair, part } = trials[at];
    const across = panel.length > 4 ? 3 : panel.length > 1 ? 2 : 1;
    $('panel').style.setProperty('--across', across);
    const pictures = panel.map((image, place) => Object.assign(document.createElement('img'), { src: source(image), alt: `picture ${place + 1} of ${panel.length}` }));
    const sides = ['left', 'right'].map((side, place) => {
      const picture = $(side).querySelector('img');
      picture.src = source(pair[place]);
      $(side).classList.remove('chosen');
      $(side).disabled = true;
      return picture;
    });
    $('panel').replaceChildren(...pictures);
    $('sure').hidden = $('told').hidden = $('next').hidden = true;
    $('asked').textContent = 'Press F for the left one, J for the right one.';
    const counted = trials.length - practice.length;
    $('how-far').textContent = part === 'practice' ? `practice ${at + 1} of ${practice.length}` : `${at + 1 - practice.length} of ${counted}`;
    $('done').style.width = `${100 * at / trials.length}%`;
    await Promise.all([...pictures, ...sides].map(picture => picture.decode().catch(() => {})));
    show('trial');
    await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    $('left').disabled = $('right').disabled = false;
    shown = performance.now();
    phase = 'choose';
  };
  const choose = side => {
    if (phase !== 'choose') return;
    took = Math.round(performance.now() - shown);
    answer = side;
    phase = 'sure';
    $(side).classList.add('chosen');
    $('left').disabled = $('right').disabled = true;
    $('asked').textContent = '';
    $('sure').hidden = false;
  };
  const sure = value => {
    if (phase !== 'sure') return;
    const { part, unit, method, pair, right, panel, describe } = trials[at];
    write({ part, unit, method, left: `i${pair[0]}`, right: `i${pair[1]}`, answer, ms: took, sure: value, text: '' });
    at += 1;
    if (part === 'practice') {
      phase = 'told';
      const is = pair[answer === 'left' ? 0 : 1] === right;
      $('sure').hidden = true;
      $('told').textContent = is ? 'Right.' : `It is the other one, the ${answer === 'left' ? 'right' : 'left'} one.`;
      $('told').hidden = $('next').hidden = false;
      $('next').focus();
    } else if (describe) {
      ask(unit, method, panel[0]);
    } else {
      trial();
    }
  };
  const next = () => {
    if (phase === 'told') trial();
  };
  let asked = null;
  const ask = (unit, method, image) => {
    phase = 'describe';
    asked = { unit, method, image };
    $('described').src = source(image);
    $('text').value = '';
    show('describe');
    $('text').focus();
  };
  const said = () => {
    if (phase !== 'describe') return;
    const { unit, method, image } = asked;
    write({ part: 'description', unit, method, left: `i${image}`, right: '', answer: '', ms: '', sure: '', text: $('text').value.trim() });
    trial();
  };
  const end = () => {
    phase = 'end';
    const whole = at >= trials.length;
    $('ended').textContent = whole ? 'That was the last one.' : `You stopped after ${at} of ${trials.length}. Unfinished sittings are left out of the analysis.`;
    $('download').href = `data:text/csv;charset=utf-8,${encodeURIComponent(table())}`;
    $('download').download = `answers-${sitting.participant}.csv`;
    show('end');
  };

  // ---- Hands and keys

  $('consent').querySelector('h1').textContent = data.title;
  for (const paragraph of data.consent.split(/\n\s*\n/)) {
    $('words').append(Object.assign(document.createElement('p'), { textContent: paragraph.trim() }));
  }
  $('code').textContent = sitting.participant;
  $('resumed').hidden = !resumes;
  $('agree').addEventListener('change', () => { $('begin').disabled = !$('agree').checked; });
  $('begin').addEventListener('click', trial);
  $('left').addEventListener('click', () => choose('left'));
  $('right').addEventListener('click', () => choose('right'));
  for (const button of $('sure').querySelectorAll('button')) button.addEventListener('click', () => sure(Number(button.value)));
  $('next').addEventListener('click', next);
  $('said').addEventListener('click', said);
  $('stop').addEventListener('click', end);
  $('forget').addEventListener('click', () => {
    forget();
    $('ended').textContent = 'Deleted from this browser.';
    $('download').hidden = $('forget').hidden = true;
  });
  document.addEventListener('keydown', event => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (phase === 'choose' && (key === 'f' || key === 'j')) choose(key === 'f' ? 'left' : 'right');
    else if (phase === 'sure' && '123'.includes(key)) sure(Number(key));
    else if (phase === 'told' && key === 'enter') next();
    else return;
    event.preventDefault();
  });
})();
