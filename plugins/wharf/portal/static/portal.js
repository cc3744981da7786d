const MOST_ROWS = 500;

for (const place of document.querySelectorAll("[data-age]")) {
  const days = Math.floor((Date.now() - Date.parse(place.dataset.age)) / 86400000);
  if (days > 0) place.textContent = ` (${days} ${days === 1 ? "day" : "days"} ago)`;
}

async function unpacked(address) {
  const raw = new Uint8Array(await (await fetch(address)).arrayBuffer());
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

function shown(result) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const field of result.schema.fields) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = field.name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of result.toArray().slice(0, MOST_ROWS)) {
    const line = body.insertRow();
    for (const value of Object.values(row.toJSON())) line.insertCell().textContent = value === null ? "" : String(value);
  }
  return table;
}

async function asked(connection, query) {
  const plain = query.trim().replace(/;+$/, "");
  try {
    return await connection.query(`select cast(columns(*) as varchar) from (${plain})`);
  } catch {
    return connection.query(plain);
  }
}

const form = document.getElementById("sql");
if (form) {
  const status = document.getElementById("answer-status");
  const answer = document.getElementById("answer");
  let engine = null;
  const start = () => (engine ??= openEngine(form).catch((error) => { engine = null; throw error; }));
  document.getElementById("query").addEventListener("focus", () => start().catch(() => {}), { once: true });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    status.textContent = "Working…";
    const began = performance.now();
    try {
      const result = await asked(await start(), document.getElementById("query").value);
      answer.replaceChildren(shown(result));
      const more = result.numRows > MOST_ROWS ? `, the first ${MOST_ROWS} shown` : "";
      status.textContent = `${result.numRows} rows${more}, ${Math.round(performance.now() - began)} ms`;
    } catch (error) {
      status.textContent = String(error.message || error).split("\n")[0];
    }
  });
}
