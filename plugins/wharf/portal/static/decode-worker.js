import init, { readParquet } from "./vendor/parquet_wasm.js";

self.onmessage = async ({ data }) => {
  try {
    await init({ module_or_path: new URL("./vendor/parquet_wasm_bg.wasm", import.meta.url) });
    const answer = await fetch(data.address);
    if (!answer.ok) throw new Error(`${data.address}: ${answer.status}`);
    const stream = readParquet(new Uint8Array(await answer.arrayBuffer())).intoIPCStream();
    self.postMessage({ stream }, [stream.buffer]);
  } catch (error) {
    self.postMessage({ problem: String(error.message || error) });
  }
};
