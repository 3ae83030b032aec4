"""Fovea in 3D Slicer: choose volumes and a model, run, and look at the segmentation, the lesion table and the report.

The work is done by the command-line modules that lie in the folder cli-modules beside this one. Nothing is installed into
Slicer's Python, no server or container is started, and nothing leaves the machine.
"""
import csv
import os
import shutil
import tempfile

import ctk
import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

RESEARCH_USE = "Research software: not a medical device, not for clinical decisions."
MODEL_ENDINGS = (".safetensors", ".onnx", ".h5", ".hdf5", ".pt", ".pth")


class FoveaError(RuntimeError):
    """Says in one sentence what is missing and what to do about it."""


class Task:
    """One thing to do: the command-line module, and which volumes it takes."""

    def __init__(self, key, title, cli, inputs, needsAll):
        self.key = key
        self.title = title
        self.cli = cli
        self.inputs = inputs  # (parameter of the CLI, label)
        self.needsAll = needsAll


TASKS = (
    Task("meningioma", "Meningioma in contrast-enhanced T1", "FoveaMeningioma", (("inputVolume", "T1 with contrast"),), True),
    Task(
        "thrombus",
        "Thrombus in a stroke examination",
        "FoveaThrombus",
        (("swan", "SWAN or T2*"), ("dwi", "DWI"), ("adc", "ADC"), ("tof", "TOF"), ("flair", "FLAIR")),
        False,
    ),
)


def taskOf(key):
    for task in TASKS:
        if task.key == key:
            return task
    raise FoveaError("There is no task '%s'; known are: %s." % (key, ", ".join(t.key for t in TASKS)))


def readSegments(path):
    """Segments of a .seg.nrrd as its header describes them: label value -> {name, color, terminology}."""
    fields = {}
    with open(path, "rb") as stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                break
            key, found, value = line.partition(":=")
            if found:
                fields[key] = value
    segments = {}
    number = 0
    while "Segment%d_ID" % number in fields:
        prefix = "Segment%d_" % number
        tags = fields.get(prefix + "Tags", "")
        terminology = ""
        for tag in tags.split("|"):
            if tag.startswith("TerminologyEntry:"):
                terminology = tag[len("TerminologyEntry:"):]
        segments[int(fields.get(prefix + "LabelValue", number + 1))] = {
            "name": fields.get(prefix + "Name", ""),
            "color": tuple(float(part) for part in fields.get(prefix + "Color", "0.9 0.3 0.2").split()),
            "terminology": terminology,
        }
        number += 1
    return segments


class Run:
    """One run of a command-line module, and what it leaves."""

    def __init__(self, task, volumes, folder):
        self.task = task
        self.volumes = volumes  # parameter -> volume node, only what was chosen
        self.folder = folder  # everything that the program writes; the report lies in it
        self.node = None
        self.labelNode = None
        self.tableNode = None
        self.segmentationNode = None
        self.observer = None
        self.ended = False

    @property
    def reference(self):
        for parameter, _ in self.task.inputs:
            if parameter in self.volumes:
                return self.volumes[parameter]
        return None

    def report(self):
        return os.path.join(self.folder, "report.pdf")


class Fovea(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Fovea"
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["The Fovea authors"]
        parent.helpText = (
            "Outlines lesions in MRI with attention networks, on this computer alone. Choose the volumes and a model, then "
            "press Run. " + RESEARCH_USE
        )
        parent.acknowledgementText = "Built on LibTorch, ITK, OpenSlide, GDCM and DCMTK."


class FoveaLogic(ScriptedLoadableModuleLogic):
    """Usable without widgets: start(), then wait for whenChanged, or run() in a script."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)

    # --- what there is ---

    @staticmethod
    def packageFolder():
        return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

    @classmethod
    def models(cls):
        """Model files that came with the package."""
        folder = os.path.join(cls.packageFolder(), "models")
        if not os.path.isdir(folder):
            return []
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(MODEL_ENDINGS)]

    @classmethod
    def cliModule(cls, task):
        module = getattr(slicer.modules, task.cli.lower(), None)
        if module is None:
            raise FoveaError(
                "The command-line module %s is not loaded. Add the folder %s to Application Settings > Modules > Additional "
                "module paths, and start Slicer again." % (task.cli, os.path.join(cls.packageFolder(), "cli-modules"))
            )
        return module

    @staticmethod
    def check(task, volumes, modelPath):
        """The chosen volumes; FoveaError with everything that is missing."""
        chosen = {parameter: volumes[parameter] for parameter, _ in task.inputs if volumes.get(parameter) is not None}
        missing = []
        if task.needsAll:
            missing += ["the volume %s" % label for parameter, label in task.inputs if parameter not in chosen]
        elif not chosen:
            missing.append("at least one of the volumes " + ", ".join(label for _, label in task.inputs))
        if not modelPath:
            missing.append("a model (a .safetensors file)")
        if missing:
            raise FoveaError("Please choose " + " and ".join(missing) + ".")
        if not os.path.isfile(modelPath):
            raise FoveaError("The model file %s does not exist." % modelPath)
        for parameter, label in task.inputs:
            if parameter in chosen and chosen[parameter].GetImageData() is None:
                raise FoveaError("The volume %s holds no image." % chosen[parameter].GetName())
        return chosen

    # --- a run ---

    @staticmethod
    def parameters(run, modelPath, options=None):
        parameters = dict(options or {})
        parameters.update(run.volumes)
        parameters["model"] = modelPath
        parameters["labelMap"] = run.labelNode
        parameters["lesions"] = run.tableNode
        parameters["resultsFolder"] = run.folder
        return parameters

    def start(self, task, volumes, modelPath, options=None, whenChanged=None):
        """Starts the program and returns at once. `whenChanged(run)` is called on progress and at the end."""
        chosen = self.check(task, volumes, modelPath)
        module = self.cliModule(task)
        run = Run(task, chosen, tempfile.mkdtemp(prefix="fovea-", dir=slicer.app.temporaryPath))
        name = task.cli
        run.labelNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name + " labels")
        run.tableNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name + " lesions")
        run.node = slicer.cli.run(module, None, self.parameters(run, modelPath, options), wait_for_completion=False)
        run.observer = run.node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.changed(run, whenChanged))
        return run

    def changed(self, run, whenChanged=None):
        if run.ended:
            return
        state = self.state(run.node)
        if state in ("failed", "cancelled"):
            run.ended = True
            self.discard(run)
        elif state == "done":
            run.ended = True
            self.importResult(run)
        if run.ended and run.observer is not None:
            run.node.RemoveObserver(run.observer)
        if whenChanged is not None:
            whenChanged(run)

    @staticmethod
    def state(node):
        status = node.GetStatus()
        if status == node.Cancelled:
            return "cancelled"
        if status & node.ErrorsMask:
            return "failed"
        if status == node.Completed:
            return "done"
        return "running"

    @staticmethod
    def cancel(run):
        run.node.Cancel()

    @staticmethod
    def failure(run):
        """The program's own sentence, without what only Slicer's developers need."""
        lines = [line.strip() for line in (run.node.GetErrorText() or "").splitlines() if line.strip()]
        for line in lines:
            if line.startswith(run.task.cli + ": "):
                return line[len(run.task.cli) + 2:]
        return lines[0] if lines else "The program ended without a result and without a message."

    @staticmethod
    def discard(run):
        for node in (run.labelNode, run.tableNode):
            if node is not None:
                slicer.mrmlScene.RemoveNode(node)
        run.labelNode = run.tableNode = None
        shutil.rmtree(run.folder, ignore_errors=True)

    # --- results ---

    def importResult(self, run):
        reference = run.reference
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", reference.GetName() + " " + run.task.cli)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(run.labelNode, node)
        self.describeSegments(node, readSegments(os.path.join(run.folder, "segmentation.seg.nrrd")))
        run.segmentationNode = node
        run.tableNode.SetName(reference.GetName() + " lesions")
        self.placeBeside(node, reference)
        self.placeBeside(run.tableNode, reference)
        slicer.mrmlScene.RemoveNode(run.labelNode)
        run.labelNode = None

    @staticmethod
    def describeSegments(segmentationNode, described):
        """Names, colours and terminology by label value. A class without a voxel gets an empty segment: it was looked for."""
        segmentation = segmentationNode.GetSegmentation()
        byValue = {}
        for index in range(segmentation.GetNumberOfSegments()):
            segment = segmentation.GetNthSegment(index)
            byValue[segment.GetLabelValue()] = segment
        for value, description in sorted(described.items()):
            segment = byValue.get(value)
            if segment is None:
                segment = segmentation.GetSegment(segmentation.AddEmptySegment("", description["name"], description["color"]))
            segment.SetName(description["name"])
            segment.SetColor(description["color"])
            if description["terminology"]:
                segment.SetTag(segment.GetTerminologyEntryTagName(), description["terminology"])

    @staticmethod
    def placeBeside(node, volume):
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        if hierarchy is None:
            return
        items = [hierarchy.GetItemByDataNode(one) for one in (volume, node)]
        if all(items):
            hierarchy.SetItemParent(items[1], hierarchy.GetItemParent(items[0]))

    @staticmethod
    def summary(run):
        volume = run.node.GetParameterAsString("totalVolumeMl")
        count = run.node.GetParameterAsString("lesionCount")
        notices = run.node.GetParameterAsString("notices")
        if count in ("", "0"):
            text = "Nothing reached the threshold."
        else:
            text = "%s lesion%s, %.2f ml in all." % (count, "" if count == "1" else "s", float(volume))
        return text + (" Note: " + notices if notices else "")

    @staticmethod
    def lesionRows(run):
        """Rows of lesions.csv as dictionaries, for scripts."""
        with open(os.path.join(run.folder, "lesions.csv"), newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    @staticmethod
    def saveReport(run, path):
        """The printable report under a name of the user's; .pdf or .html."""
        source = os.path.join(run.folder, "report" + os.path.splitext(path)[1].lower())
        if not os.path.isfile(source):
            raise FoveaError("Reports are saved as .pdf or .html.")
        shutil.copyfile(source, path)


class FoveaWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = FoveaLogic()
        self.run = None
        self.folders = []
        self.selectors = {}
        self.addInputs()
        self.addRun()
        self.addResults()
        self.layout.addStretch(1)
        self.onTaskChanged()

    def cleanup(self):
        """Slicer closes: reports that were not saved go with it."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def addSection(self, title):
        section = ctk.ctkCollapsibleButton()
        section.text = title
        self.layout.addWidget(section)
        return qt.QFormLayout(section)

    def addInputs(self):
        form = self.addSection("Input")
        self.taskBox = qt.QComboBox()
        for task in TASKS:
            self.taskBox.addItem(task.title, task.key)
        form.addRow("Look for:", self.taskBox)
        for task in TASKS:
            for parameter, label in task.inputs:
                selector = slicer.qMRMLNodeComboBox()
                selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
                selector.addEnabled = selector.removeEnabled = selector.renameEnabled = False
                selector.noneEnabled = True
                selector.setMRMLScene(slicer.mrmlScene)
                title = qt.QLabel(label + ":")
                form.addRow(title, selector)
                self.selectors[(task.key, parameter)] = (title, selector)
        self.modelPath = ctk.ctkPathLineEdit()
        self.modelPath.filters = ctk.ctkPathLineEdit.Files
        self.modelPath.nameFilters = ["Models (*%s)" % " *".join(MODEL_ENDINGS)]
        self.modelPath.settingKey = "Fovea/Model"
        if not self.modelPath.currentPath and FoveaLogic.models():
            self.modelPath.currentPath = FoveaLogic.models()[0]
        form.addRow("Model:", self.modelPath)
        self.taskBox.connect("currentIndexChanged(int)", self.onTaskChanged)

    def addRun(self):
        form = self.addSection("Run")
        buttons = qt.QHBoxLayout()
        self.runButton = qt.QPushButton("Run")
        self.cancelButton = qt.QPushButton("Cancel")
        self.cancelButton.enabled = False
        buttons.addWidget(self.runButton)
        buttons.addWidget(self.cancelButton)
        form.addRow(buttons)
        self.progressBar = slicer.qSlicerCLIProgressBar()
        form.addRow(self.progressBar)
        self.message = qt.QLabel(RESEARCH_USE)
        self.message.wordWrap = True
        form.addRow(self.message)
        self.runButton.connect("clicked(bool)", self.onRun)
        self.cancelButton.connect("clicked(bool)", self.onCancel)

    def addResults(self):
        form = self.addSection("Results")
        self.table = slicer.qMRMLTableView()
        self.table.setMRMLScene(slicer.mrmlScene)
        self.table.minimumHeight = 120
        form.addRow(self.table)
        self.reportButton = qt.QPushButton("Open the report")
        self.saveButton = qt.QPushButton("Save the report...")
        for button in (self.reportButton, self.saveButton):
            button.enabled = False
            form.addRow(button)
        self.reportButton.connect("clicked(bool)", self.onReport)
        self.saveButton.connect("clicked(bool)", self.onSave)

    def currentTask(self):
        return taskOf(self.taskBox.itemData(self.taskBox.currentIndex))

    def onTaskChanged(self, _index=None):
        key = self.currentTask().key
        for (taskKey, _), (title, selector) in self.selectors.items():
            title.visible = selector.visible = taskKey == key

    def onRun(self, _checked=False):
        task = self.currentTask()
        volumes = {parameter: self.selectors[(task.key, parameter)][1].currentNode() for parameter, _ in task.inputs}
        try:
            self.run = self.logic.start(task, volumes, self.modelPath.currentPath, whenChanged=self.onChanged)
        except FoveaError as error:
            self.message.text = str(error)
            return
        self.folders.append(self.run.folder)
        self.modelPath.addCurrentPathToHistory()
        self.progressBar.setCommandLineModuleNode(self.run.node)
        self.message.text = "Running..."
        self.showRunning(True)

    def showRunning(self, running):
        self.runButton.enabled = not running
        self.cancelButton.enabled = running
        has = not running and self.run is not None and self.run.segmentationNode is not None
        self.reportButton.enabled = self.saveButton.enabled = has

    def onCancel(self, _checked=False):
        if self.run is not None:
            self.logic.cancel(self.run)

    def onChanged(self, run):
        if run is not self.run or not run.ended:
            return
        state = self.logic.state(run.node)
        if state == "done":
            self.message.text = self.logic.summary(run)
            self.table.setMRMLTableNode(run.tableNode)
        elif state == "cancelled":
            self.message.text = "Cancelled. Nothing was changed."
        else:
            self.message.text = self.logic.failure(run)
        self.showRunning(False)

    def onReport(self, _checked=False):
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self.run.report()))

    def onSave(self, _checked=False):
        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), "Save the report", "report.pdf", "Report (*.pdf *.html)")
        if not path:
            return
        try:
            self.logic.saveReport(self.run, path)
        except (FoveaError, OSError) as error:
            self.message.text = str(error)


class FoveaTest(ScriptedLoadableModuleTest):
    """Run inside Slicer: Developer mode > Reload and Test."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        self.setUp()
        self.test_missing_input_is_named()
        self.test_command_line_modules_are_loaded()

    def test_missing_input_is_named(self):
        try:
            FoveaLogic.check(TASKS[0], {}, "")
        except FoveaError as error:
            self.assertIn("model", str(error))
        else:
            self.fail("nothing was chosen, and nothing was said")

    def test_command_line_modules_are_loaded(self):
        for task in TASKS:
            self.assertIsNotNone(FoveaLogic.cliModule(task))
