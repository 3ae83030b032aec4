"""What 3D Slicer reads before it runs a module: schema, the rules a schema cannot say (slicer.md 7.2), ctk-cli, Slicer's own parser.

Usage: slicer_description_test.py MODULE_FOLDER VERSION SCHEMA SCRIPTED_MODULE.py [unittest arguments]. Checks whose tool is absent are skipped, each with a
message: xmllint (Debian: libxml2-utils), ctk-cli and slicer-core (./run test fetches them).
"""
import ast
import pathlib
import shutil
import subprocess
import sys
import time
import unittest
import warnings

from slicer_host import Host, parameters_of, slicer_environment

FOLDER, VERSION, SCHEMA = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
SCRIPTED = pathlib.Path(sys.argv[4])
MODULES = ("FoveaMeningioma", "FoveaThrombus", "FoveaSlideAttention")


def answer(module, *words):
    return subprocess.run([FOLDER / module, *words], capture_output=True, timeout=60, env=slicer_environment("/nonexistent"))


class Descriptions(unittest.TestCase):
    def each(self):
        for module in MODULES:
            with self.subTest(module):
                yield module, (FOLDER / (module + ".xml")).read_bytes()

    def test_shipped_file_is_what_the_program_says(self):
        for module, xml in self.each():
            said = answer(module, "--xml")
            self.assertEqual((said.returncode, said.stderr), (0, b""))
            self.assertEqual(said.stdout, xml)
            self.assertTrue(xml.startswith(b"<?xml "))
            self.assertTrue(xml.endswith(b"</executable>\n"))
            self.assertIn(f"<version>{VERSION}</version>".encode(), xml)

    def test_job_program_says_the_same_as_the_launcher(self):
        for module, xml in self.each():
            job = FOLDER.parent / "bin/fovea-slicer-job"
            self.assertEqual(subprocess.run([job, module, "--xml"], capture_output=True, check=True).stdout, xml)

    def test_launchers_load_nothing_and_are_quick(self):
        for module, _ in self.each():
            head = subprocess.run(["ldd", FOLDER / module], capture_output=True, text=True)
            self.assertIn("not a dynamic executable", head.stdout + head.stderr)
            best = 1e9
            for _ in range(5):
                began = time.monotonic()
                answer(module, "--xml")
                best = min(best, time.monotonic() - began)
            self.assertLess(best, 0.5)

    def test_folder_holds_only_modules_and_descriptions(self):
        found = {path.name for path in FOLDER.iterdir() if path.is_file()}
        self.assertEqual(found, {name for module in MODULES for name in (module, module + ".xml")})

    @unittest.skipUnless(shutil.which("xmllint") and SCHEMA.exists(), "needs xmllint and ../shared/reference/slicer-cli.xsd")
    def test_schema(self):
        for module, _ in self.each():
            checked = subprocess.run(["xmllint", "--noout", "--schema", SCHEMA, FOLDER / (module + ".xml")], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_rules_a_schema_cannot_say(self):
        for module, xml in self.each():
            parameters = parameters_of(xml)
            names = [p.name for p in parameters]
            self.assertEqual(len(names), len(set(names)))
            flags = [p.longflag for p in parameters if p.longflag]
            self.assertEqual(len(flags), len(set(flags)))
            for p in parameters:
                self.assertTrue(p.label and p.description, p.name)
                self.assertEqual(len(set(p.tags_seen) - {"element"}), len([t for t in p.tags_seen if t != "element"]), p.name)
                self.assertEqual(bool(p.longflag) + bool(p.index) + p.returned, 1, p.name)
                self.assertIsNone(p.flag)
                if p.tag in ("image", "table", "transform", "file", "directory"):
                    self.assertIn(p.channel, ("input", "output"), p.name)
                if p.tag == "boolean":
                    self.assertEqual(p.default, "false", p.name)
                if p.tag in ("integer", "double", "float"):
                    value = float(p.default)
                    self.assertLessEqual(p.constraints.get("minimum", value), value, p.name)
                    self.assertGreaterEqual(p.constraints.get("maximum", value), value, p.name)
                if p.tag == "string-enumeration":
                    self.assertIn(p.default, p.elements, p.name)
                if "reference" in p.attributes:
                    self.assertIn(p.attributes["reference"], names)
                if p.tag == "image":
                    self.assertTrue(p.attributes["fileExtensions"].startswith(".nrrd"), p.name)
            self.assertNotIn("Module", module)
            self.assertFalse(module.startswith(("lib", "qSlicer")) or module.endswith(("Lib", "Test", "Tests")))

    def test_every_declared_option_is_taken_and_no_other(self):
        for module, xml in self.each():
            # One run with every flag: unknown ones would be named, each of them.
            words = [w for p in parameters_of(xml) if p.longflag for w in ("--" + p.longflag, "-7.x")]
            said = answer(module, *words)
            self.assertEqual(said.returncode, 2)
            self.assertNotIn(b"is no option", said.stderr)
            self.assertIn(b"not a number", said.stderr)
            said = answer(module, "--lesion-table", "x")
            self.assertEqual(said.returncode, 2)
            self.assertIn(b"is no option", said.stderr)
            self.assertEqual(said.stderr.count(b"\n"), 1)

    def test_help_and_version(self):
        for module, xml in self.each():
            said = answer(module, "--help")
            self.assertEqual((said.returncode, said.stderr), (0, b""))
            for p in parameters_of(xml):
                self.assertIn(p.name.encode(), said.stdout)
            self.assertEqual(answer(module, "--version").stdout.decode(), f"{module} {VERSION}\n")

    def test_modalities_are_separate_and_optional(self):
        flags = {p.longflag for p in parameters_of((FOLDER / "FoveaThrombus.xml").read_bytes())}
        self.assertLessEqual({"swan", "dwi", "adc", "tof", "flair"}, flags)

    def test_ctk_cli_reads_them(self):
        try:
            import ctk_cli
        except ImportError as error:
            self.skipTest(f"ctk-cli is not there ({error})")
        for module, xml in self.each():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                read = ctk_cli.CLIModule(str(FOLDER / module))
                index, options, outputs = read.classifyParameters()
            declared = parameters_of(xml)
            self.assertEqual([p.name for p in index], [])
            self.assertEqual([p.name for p in outputs], [p.name for p in declared if p.returned])
            self.assertEqual([p.name for p in options], [p.name for p in declared if p.longflag])
            odd = [str(w.message) for w in caught if "cannot be passed" not in str(w.message) and "reference" not in str(w.message)]
            self.assertEqual(odd, [])

    def test_slicers_own_parser_accepts_them(self):
        try:
            import slicer_registry
        except (ImportError, OSError) as error:
            self.skipTest(f"slicer-core is not there ({error})")
        for module, xml in self.each():
            slicer_registry.register(xml.decode(), FOLDER / module)
        # The check can fail: what slicer.md says the parser rejects, it rejects.
        broken = (FOLDER / "FoveaMeningioma.xml").read_text().replace("<longflag>labelMap<", "<longflag>label-map<")
        with self.assertRaises(slicer_registry.Refused):
            slicer_registry.register(broken, FOLDER / "FoveaMeningioma")


class ScriptedModule(unittest.TestCase):
    def test_python_3_9_and_nothing_but_slicer(self):
        tree = ast.parse(SCRIPTED.read_text(), feature_version=(3, 9))
        imported = {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        imported |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        foreign = imported - set(sys.stdlib_module_names)
        self.assertEqual(foreign, {"slicer", "qt", "ctk", "vtk"})
        classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        self.assertLessEqual({SCRIPTED.stem + end for end in ("", "Widget", "Logic", "Test")}, classes)
        self.assertNotRegex(SCRIPTED.read_text(), r"pip_install|urllib|requests|docker")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
