/** SHA-256 of files of any size, without holding them in memory: the browser's own digest takes whole buffers only. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const PART_BYTES = 4 * 1024 * 1024;

/** Return the digest of a file, 64 hexadecimal digits. */
export async function digestOf(file: Blob): Promise<string> {
  const hash = sha256.create();
  for (let start = 0; start < file.size; start += PART_BYTES) {
    hash.update(new Uint8Array(await file.slice(start, start + PART_BYTES).arrayBuffer()));
  }
  return bytesToHex(hash.digest());
}
