<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US">
<context>
    <name>fovea::gui::CasePanel</name>
    <message numerus="yes">
        <source>%n case(s)</source>
        <translation>
            <numerusform>%n case</numerusform>
            <numerusform>%n cases</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Run %n case(s)</source>
        <translation>
            <numerusform>Run %n case</numerusform>
            <numerusform>Run %n cases</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>fovea::gui::CurvePlot</name>
    <message numerus="yes">
        <source>%n curve(s)</source>
        <translation>
            <numerusform>%n curve</numerusform>
            <numerusform>%n curves</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>fovea::gui::MainWindow</name>
    <message numerus="yes">
        <source>%n case(s) could not be queued: no model fits.</source>
        <translation>
            <numerusform>%n case could not be queued: no model fits.</numerusform>
            <numerusform>%n cases could not be queued: no model fits.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>, %n waiting</source>
        <translation>
            <numerusform>, %n waiting</numerusform>
            <numerusform>, %n waiting</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n case(s) were found again.</source>
        <translation>
            <numerusform>%n case was found again.</numerusform>
            <numerusform>%n cases were found again.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>fovea::gui::TrainPage</name>
    <message numerus="yes">
        <source>%n training(s) can go on without the window, or stop at a checkpoint.</source>
        <translation>
            <numerusform>%n training can go on without the window, or stop at a checkpoint.</numerusform>
            <numerusform>%n trainings can go on without the window, or stop at a checkpoint.</numerusform>
        </translation>
    </message>
</context>
</TS>
