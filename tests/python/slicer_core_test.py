"""The modules and the scripted module's logic with Slicer's own libraries (PyPI slicer-core: MRML, segmentations, CLI logic; no Qt, no
application). What is doubled is named so: `slicer.cli` and `slicer.modules`, which live in Slicer's Qt part.

Usage: slicer_core_test.py MODULE_FOLDER MODEL SCRIPTED_MODULE [unittest arguments]; exit code 77 without slicer-core.
"""
import importlib
import os
import pathlib
import shutil
import sys
import tempfile
import types
import unittest

try:
    import numpy as np
    import slicer_core
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    import slicer_registry
except (ImportError, OSError) as error:
    print(f"skipped: a Python package is not there ({error}); ./run test fetches it")
    sys.exit(77)

from slicer_host import head_volume

# Slicer's CLI logic hands its environment to the program, and its thread of tasks takes the lowest priority unless told another.
os.environ.update(OMP_NUM_THREADS="1", SLICER_BACKGROUND_THREAD_PRIORITY=str(os.nice(0)))

FOLDER, MODEL, SCRIPTED = (pathlib.Path(p) for p in sys.argv[1:4])


class Application:
    """A scene and Slicer's logics, as the application makes them."""

    def __init__(self, folder):
        self.scene = slicer_core.vtkMRMLScene()
        self.cache = slicer_core.vtkCacheManager()
        self.scene.SetCacheManager(self.cache)
        self.logic = slicer_core.vtkSlicerApplicationLogic()
        self.logic.SetMRMLScene(self.scene)
        self.colors = slicer_core.vtkMRMLColorLogic()
        self.colors.SetMRMLScene(self.scene)
        self.logic.SetColorLogic(self.colors)
        self.logic.SetTemporaryPath(str(folder))
        self.logic.CreateProcessingThread()
        self.segmentations = slicer_core.vtkSlicerSegmentationsModuleLogic()
        self.segmentations.SetMRMLScene(self.scene)
        self.cli = slicer_core.vtkSlicerCLIModuleLogic()
        self.cli.SetMRMLScene(self.scene)
        self.cli.SetMRMLApplicationLogic(self.logic)

    def close(self):
        self.logic.TerminateProcessingThread()

    def volume(self, path):
        node = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.stem)
        node.AddDefaultStorageNode(str(path))
        node.GetStorageNode().SetFileName(str(path))
        assert node.GetStorageNode().ReadData(node)
        return node

    def command(self, title, values):
        node = slicer_core.vtkMRMLCommandLineModuleNode()
        self.scene.AddNode(node)
        node.SetModuleDescription(title)
        for name, value in values.items():
            node.SetParameterAsString(name, value.GetID() if hasattr(value, "GetID") else str(value))
        return node

    def apply(self, title, values):
        node = self.command(title, values)
        self.cli.ApplyAndWait(node)
        self.logic.ProcessReadData()
        return node


def voxels(image):
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def matrix_of(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


class WithSlicersLibraries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        head_volume(cls.folder / "scan.nrrd")
        for module in ("FoveaMeningioma", "FoveaThrombus"):
            slicer_registry.register((FOLDER / (module + ".xml")).read_text(), FOLDER / module)
        cls.application = Application(cls.folder)
        cls.volume = cls.application.volume(cls.folder / "scan.nrrd")

    @classmethod
    def tearDownClass(cls):
        cls.application.close()
        cls.temporary.cleanup()

    def new(self, kind, name):
        return self.application.scene.AddNewNodeByClass(kind, name)

    def run_meningioma(self, **values):
        labels = self.new("vtkMRMLLabelMapVolumeNode", "labels")
        table = self.new("vtkMRMLTableNode", "lesions")
        node = self.application.apply("Fovea Meningioma", {"inputVolume": self.volume, "model": MODEL, "labelMap": labels, "lesions": table, **values})
        return node, labels, table

    def test_slicers_cli_logic_runs_the_module_and_loads_its_results(self):
        node, labels, table = self.run_meningioma(threshold="0.3", resultsFolder=self.folder / "results")
        self.assertEqual(node.GetStatus(), node.Completed, node.GetErrorText())
        self.assertFalse(node.GetErrorText())
        found = voxels(labels.GetImageData())
        self.assertEqual(set(np.unique(found)), {0, 1})
        np.testing.assert_allclose(matrix_of(labels), matrix_of(self.volume), rtol=0, atol=1e-12)
        self.assertEqual(labels.GetImageData().GetDimensions(), self.volume.GetImageData().GetDimensions())
        self.assertEqual(int(node.GetParameterAsString("lesionCount")), table.GetTable().GetNumberOfRows())
        self.assertAlmostEqual(float(node.GetParameterAsString("totalVolumeMl")), np.count_nonzero(found) * 0.024, places=2)
        self.assertEqual(table.GetTable().GetColumn(0).GetName(), (self.folder / "results/lesions.csv").read_text().split(",")[0])
        self.check_segmentation_file(self.folder / "results/segmentation.seg.nrrd", found)

    def check_segmentation_file(self, path, found):
        segmentation = self.new("vtkMRMLSegmentationNode", "from file")
        storage = slicer_core.vtkMRMLSegmentationStorageNode()
        self.application.scene.AddNode(storage)
        storage.SetFileName(str(path))
        self.assertTrue(storage.ReadData(segmentation))
        segments = segmentation.GetSegmentation()
        self.assertEqual(segments.GetNumberOfSegments(), 1)
        one = segments.GetNthSegment(0)
        self.assertEqual((one.GetName(), one.GetLabelValue()), ("meningioma", 1))
        np.testing.assert_allclose(one.GetColor(), (0.92, 0.33, 0.22), atol=1e-3)
        tag = vtk.reference("")
        self.assertTrue(one.GetTag(one.GetTerminologyEntryTagName(), tag))
        self.assertIn("SCT^4147007^Mass", str(tag))
        image = one.GetRepresentation("Binary labelmap")
        self.assertEqual(int(np.count_nonzero(vtk_to_numpy(image.GetPointData().GetScalars()) == 1)), int(np.count_nonzero(found)))

    def test_failure_reaches_slicer_as_one_line_and_loads_nothing(self):
        node, labels, _ = self.run_meningioma(model=self.folder / "absent.safetensors")
        self.assertTrue(node.GetStatus() & node.ErrorsMask)
        self.assertIn("absent.safetensors", node.GetErrorText())
        self.assertEqual(len(node.GetErrorText().strip().splitlines()), 1)
        self.assertIsNone(labels.GetImageData())

    def test_thrombus_without_images_is_refused(self):
        labels = self.new("vtkMRMLLabelMapVolumeNode", "labels")
        node = self.application.apply("Fovea Thrombus", {"model": MODEL, "labelMap": labels})
        self.assertTrue(node.GetStatus() & node.ErrorsMask)
        self.assertIn("--swan", node.GetErrorText())


class ScriptedModule(unittest.TestCase):
    """FoveaLogic over the real scene, nodes and segmentation logic; `slicer.cli.run` is a double that calls Slicer's CLI logic and waits."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        head_volume(cls.folder / "T1 post.nrrd")
        slicer_registry.register((FOLDER / "FoveaMeningioma.xml").read_text(), FOLDER / "FoveaMeningioma")
        cls.application = Application(cls.folder)
        cls.fovea = cls.import_module()

    @classmethod
    def tearDownClass(cls):
        cls.application.close()
        cls.temporary.cleanup()

    @classmethod
    def import_module(cls):
        application = cls.application

        def run(module, node, parameters, wait_for_completion=False):
            command = application.command(module, parameters)
            cls.pending = command
            return command

        slicer = types.ModuleType("slicer")
        slicer.mrmlScene = application.scene
        slicer.vtkMRMLSubjectHierarchyNode = slicer_core.vtkMRMLSubjectHierarchyNode
        slicer.app = types.SimpleNamespace(temporaryPath=str(cls.folder))
        slicer.cli = types.SimpleNamespace(run=run)
        slicer.modules = types.SimpleNamespace(
            foveameningioma="Fovea Meningioma", segmentations=types.SimpleNamespace(logic=lambda: application.segmentations))
        base = types.ModuleType("slicer.ScriptedLoadableModule")
        for name in ("", "Logic", "Test", "Widget"):
            setattr(base, "ScriptedLoadableModule" + name, type("ScriptedLoadableModule" + name, (), {"__init__": lambda self, *a: None}))
        sys.modules.update({"slicer": slicer, "slicer.ScriptedLoadableModule": base, "qt": types.ModuleType("qt"), "ctk": types.ModuleType("ctk")})
        sys.path.insert(0, str(SCRIPTED))
        return importlib.import_module("Fovea")

    def start(self, **options):
        volume = self.application.volume(self.folder / "T1 post.nrrd")
        logic = self.fovea.FoveaLogic()
        seen = []
        run = logic.start(self.fovea.TASKS[0], {"inputVolume": volume}, str(MODEL), options, seen.append)
        self.application.cli.ApplyAndWait(self.pending)
        self.application.logic.ProcessReadData()
        logic.changed(run, seen.append)
        return logic, run, volume, seen

    def test_segmentation_with_names_colours_terminology_and_geometry(self):
        logic, run, volume, seen = self.start(threshold=0.3)
        self.assertTrue(run.ended and seen)
        self.assertEqual(logic.state(run.node), "done")
        self.assertEqual(run.segmentationNode.GetName(), "T1 post FoveaMeningioma")
        segments = run.segmentationNode.GetSegmentation()
        self.assertEqual(segments.GetNumberOfSegments(), 1)
        one = segments.GetNthSegment(0)
        self.assertEqual(one.GetName(), "meningioma")
        np.testing.assert_allclose(one.GetColor(), (0.92, 0.33, 0.22), atol=1e-3)
        tag = vtk.reference("")
        self.assertTrue(one.GetTag(one.GetTerminologyEntryTagName(), tag))
        self.assertIn("SCT^49755003^Morphologically Altered Structure~SCT^4147007^Mass", str(tag))
        reference = run.segmentationNode.GetNodeReferenceID(run.segmentationNode.GetReferenceImageGeometryReferenceRole())
        self.assertEqual(reference, volume.GetID())
        self.assertTrue(segments.GetConversionParameter("Reference image geometry"))
        self.assertIsNone(run.labelNode)
        self.assertIn("lesion", logic.summary(run))
        self.assertEqual(len(logic.lesionRows(run)), run.tableNode.GetTable().GetNumberOfRows())
        logic.saveReport(run, str(self.folder / "mine.pdf"))
        self.assertTrue((self.folder / "mine.pdf").read_bytes().startswith(b"%PDF"))
        with self.assertRaises(self.fovea.FoveaError):
            logic.saveReport(run, str(self.folder / "mine.doc"))

    def test_nothing_found_still_names_what_was_looked_for(self):
        logic, run, _, _ = self.start(minComponentMl=1000)
        self.assertEqual(logic.state(run.node), "done")
        segments = run.segmentationNode.GetSegmentation()
        self.assertEqual([segments.GetNthSegment(i).GetName() for i in range(segments.GetNumberOfSegments())], ["meningioma"])
        self.assertIn("Nothing reached", logic.summary(run))

    def test_failure_leaves_no_node_behind(self):
        before = self.application.scene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode")
        broken = self.folder / "broken.safetensors"
        broken.write_bytes(b"no weights")
        volume = self.application.volume(self.folder / "T1 post.nrrd")
        logic = self.fovea.FoveaLogic()
        run = logic.start(self.fovea.TASKS[0], {"inputVolume": volume}, str(broken))
        self.application.cli.ApplyAndWait(self.pending)
        logic.changed(run)
        self.assertEqual(logic.state(run.node), "failed")
        self.assertIn("broken.safetensors", logic.failure(run))
        self.assertNotIn("\n", logic.failure(run))
        self.assertEqual(self.application.scene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode"), before)
        self.assertFalse(pathlib.Path(run.folder).exists())

    def test_what_is_missing_is_named(self):
        fovea = self.fovea
        for task, volumes, model, words in ((0, {}, "", ("T1 with contrast", "model")), (1, {}, "x", ("SWAN", "DWI", "FLAIR"))):
            with self.assertRaises(fovea.FoveaError) as caught:
                fovea.FoveaLogic.check(fovea.TASKS[task], volumes, model)
            for word in words:
                self.assertIn(word, str(caught.exception))
        empty = self.application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
        with self.assertRaisesRegex(fovea.FoveaError, "hollow holds no image"):
            fovea.FoveaLogic.check(fovea.TASKS[0], {"inputVolume": empty}, str(MODEL))
        with self.assertRaisesRegex(fovea.FoveaError, "does not exist"):
            fovea.FoveaLogic.check(fovea.TASKS[0], {"inputVolume": empty}, "/absent.safetensors")
        with self.assertRaisesRegex(fovea.FoveaError, "FoveaThrombus is not loaded.*cli-modules"):
            fovea.FoveaLogic.cliModule(fovea.TASKS[1])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
