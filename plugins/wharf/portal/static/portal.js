const MOST_ROWS = 500;
// What gives no rows to wrap into a select.
const ACTS = /^\s*(alter|create|delete|drop|explain|insert|set|update)\b/i;
const NUMBER = /^-?[0-9][0-9.]*(e[+-]?[0-9]+)?$/i;

for (const place of document.querySelectorAll("[data-age]")) {
  const days = Math.floor((Date.now() - Date.parse(place.dataset.age)) / 86400000);
  if (days > 0) place.textContent = ` (${days} ${days === 1 ? "day" : "days"} ago)`;
}

async function unpacked(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const raw = new Uint8Array(await answer.arrayBuffer());
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return raw;
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function decoded(address) {
  const worker = new Worker(new URL("./decode-worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      worker.terminate();
      if (data.problem) reject(new Error(data.problem));
      else resolve(data.stream);
    };
    worker.onerror = (event) => reject(new Error(event.message || "the data could not be read"));
    worker.postMessage({ address });
  });
}

async function openEngine(form) {
  const vendor = new URL("./vendor/", import.meta.url);
  const parquet = new URL(form.dataset.parquet, document.baseURI).href;
  const [duckdb, engine, stream] = await Promise.all([
    import(new URL("duckdb.mjs", vendor)), unpacked(new URL("duckdb-eh.wasm.gz", vendor)), decoded(parquet),
  ]);
  const worker = new Worker(new URL("duckdb-browser-eh.worker.js", vendor));
  const database = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), worker);
  const address = URL.createObjectURL(new Blob([engine], { type: "application/wasm" }));
  await database.instantiate(address);
  URL.revokeObjectURL(address);
  const connection = await database.connect();
  await connection.insertArrowFromIPCStream(stream, { name: form.dataset.table, create: true });
  for (const line of [
    `create macro today() as date '${form.dataset.day}'`, "set autoload_known_extensions=false",
    "set autoinstall_known_extensions=false", "set enable_external_access=false", "set lock_configuration=true",
  ]) await connection.query(line);
  return connection;
}

// Every value leaves the engine as its own text: Arrow's decimals and times are bare integers here.
function asked(connection, query) {
  if (ACTS.test(query)) return connection.query(query);
  const plain = query.trim().replace(/(\s*;)+$/, "");
  return connection.query(`select cast(columns(*) as varchar) from (\n${plain}\n) limit ${MOST_ROWS + 1}`);
}

function shown(result) {
  const table = document.createElement("table");
  const rows = result.toArray().slice(0, MOST_ROWS).map((row) => [...row].map(([, value]) => value));
  const numeric = result.schema.fields.map((_, at) => rows.every((row) => row[at] === null || NUMBER.test(row[at])));
  const head = table.createTHead().insertRow();
  for (const field of result.schema.fields) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = field.name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, at) => {
      const cell = line.insertCell();
      cell.textContent = value === null ? "" : String(value);
      if (numeric[at]) cell.className = "number";
      else if (cell.textContent.length > 40) cell.className = "long";
    });
  }
  return table;
}

function counted(rows) {
  if (rows > MOST_ROWS) return `The first ${MOST_ROWS} rows; there are more`;
  return rows === 1 ? "1 row" : `${rows} rows`;
}

function explained(message, table) {
  const outside = /extension|disabled by configuration/.test(message);
  return message.split("\n")[0] + (outside ? ` Here only the table ${table} can be asked.` : "");
}

const form = document.getElementById("sql");
if (form) {
  const status = document.getElementById("answer-status");
  const answer = document.getElementById("answer");
  const query = document.getElementById("query");
  const button = form.querySelector("button");
  let engine = null;
  const start = () => (engine ??= openEngine(form).catch((error) => { engine = null; throw error; }));
  const say = (text, trouble = false) => {
    status.textContent = text;
    status.classList.toggle("trouble", trouble);
  };
  query.addEventListener("focus", () => start().catch(() => {}), { once: true });
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(engine ? "Working…" : "Loading engine and data…");
    try {
      const connection = await start();
      const began = performance.now();
      const result = await asked(connection, query.value);
      answer.replaceChildren(shown(result));
      answer.hidden = ACTS.test(query.value) && !result.numRows;
      const told = ACTS.test(query.value) && !result.numRows ? "Done" : counted(result.numRows);
      say(`${told}, ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      answer.hidden = true;
      say(explained(String(error.message || error), form.dataset.table), true);
    } finally {
      button.disabled = false;
    }
  });
}
