import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"; // prettier-ignore
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { unitText } from "../../src/cli/systemd/unit-file.ts";
import { SCRIPTS } from "../../src/cli/completion/scripts.ts";
import { sh } from "./run.ts";

/** The name is not `sup`, because Debian has another package of that name. That package has a higher version, so apt would upgrade to it. */
export const PACKAGE = "sup-supervisor";

export interface Deb {
  readonly root: string;
  /** The directory that the package is written to. */
  readonly out: string;
  readonly program: string;
  readonly version: string;
  readonly architecture: "amd64" | "arm64";
  /** The modification time of every file in the package. */
  readonly seconds: number;
}

/** Makes a Debian package of the executable, the systemd service, completions and manual pages. Returns the path of the package. */
export function makeDeb({ root, out, program, version, architecture, seconds }: Deb): string {
  const tree = mkdtempSync(join(out, ".deb-"));
  try {
    const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
      chmodSync(join(tree, path), mode);
    };
    mkdirSync(join(tree, "usr/bin"), { recursive: true });
    cpSync(program, join(tree, "usr/bin/sup"));
    chmodSync(join(tree, "usr/bin/sup"), 0o755);
    mkdirSync(join(tree, "etc/sup/units"), { recursive: true });
    put("usr/lib/systemd/system/sup.service", unitText({ scope: "system", program: "/usr/bin/sup", environment: {} }));
    put("usr/share/bash-completion/completions/sup", SCRIPTS.bash);
    put("usr/share/zsh/vendor-completions/_sup", SCRIPTS.zsh);
    put("usr/share/fish/vendor_completions.d/sup.fish", SCRIPTS.fish);
    put("usr/share/man/man1/sup.1.gz", gzip(readFileSync(join(root, "docs/man/sup.1"))));
    put("usr/share/man/man5/sup.unit.5.gz", gzip(readFileSync(join(root, "docs/man/sup.unit.5"))));
    put(`usr/share/doc/${PACKAGE}/copyright`, readFileSync(join(root, "LICENSE")));
    put(`usr/share/doc/${PACKAGE}/changelog.gz`, gzip(readFileSync(join(root, "CHANGELOG.md"))));
    const files = filesOf(tree);
    const bytes = files.reduce((sum, path) => sum + statSync(join(tree, path)).size, 0);
    put("DEBIAN/md5sums", files.map((path) => `${createHash("md5").update(readFileSync(join(tree, path))).digest("hex")}  ${path}\n`).join("")); // prettier-ignore
    put("DEBIAN/control", control(version, architecture, Math.ceil(bytes / 1024)));
    for (const name of ["postinst", "prerm", "postrm"])
      put(`DEBIAN/${name}`, readFileSync(join(root, "scripts/release/debian", name)), 0o755);
    for (const path of ["", ...readdirSync(tree, { recursive: true, encoding: "utf8" })]) {
      if (statSync(join(tree, path)).isDirectory()) chmodSync(join(tree, path), 0o755);
      utimesSync(join(tree, path), seconds, seconds);
    }
    const path = join(out, `${PACKAGE}_${version}_${architecture}.deb`);
    sh(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", tree, path], {
      cwd: root,
      env: { SOURCE_DATE_EPOCH: String(seconds) },
    });
    return path;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

const control = (version: string, architecture: string, kilobytes: number): string => `Package: ${PACKAGE}
Version: ${version}
Architecture: ${architecture}
Maintainer: the authors of sup <sup@localhost>
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.17)
Conflicts: sup
Section: admin
Priority: optional
Description: unit manager and process supervisor in one executable
 Runs the services that unit files describe, restarts them, monitors their
 health and resources, and explains what happened. Services survive crashes
 and upgrades of sup itself.
`;

const gzip = (bytes: Uint8Array): Uint8Array => Bun.gzipSync(bytes as Uint8Array<ArrayBuffer>, { level: 9, library: "libdeflate" });

const filesOf = (tree: string): string[] =>
  readdirSync(tree, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => relative(tree, join(entry.parentPath, entry.name))).sort(); // prettier-ignore
