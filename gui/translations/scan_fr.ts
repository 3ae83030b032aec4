<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr_FR">
<context>
    <name>BackgroundLoader</name>
    <message>
        <source>There is not enough memory for this volume. Close other scans and open it again.</source>
        <translation>Mémoire insuffisante pour ce volume. Fermez d’autres examens et rouvrez-le.</translation>
    </message>
    <message>
        <source>The file could not be read. Copy or export it again.</source>
        <translation>Le fichier n’a pas pu être lu. Copiez-le ou exportez-le à nouveau.</translation>
    </message>
</context>
<context>
    <name>GreyWindow</name>
    <message>
        <source>Brain, W 80 L 40</source>
        <translation>Cerveau, L 80 C 40</translation>
    </message>
    <message>
        <source>Stroke, W 40 L 40</source>
        <translation>AVC, L 40 C 40</translation>
    </message>
    <message>
        <source>Subdural, W 200 L 75</source>
        <translation>Sous-dural, L 200 C 75</translation>
    </message>
    <message>
        <source>Bone, W 2800 L 600</source>
        <translation>Os, L 2800 C 600</translation>
    </message>
    <message>
        <source>Automatic, 0.5–99.5 %</source>
        <translation>Automatique, 0,5–99,5 %</translation>
    </message>
    <message>
        <source>High contrast, 10–95 %</source>
        <translation>Contraste fort, 10–95 %</translation>
    </message>
    <message>
        <source>Dark tissue, 0–75 %</source>
        <translation>Tissus sombres, 0–75 %</translation>
    </message>
    <message>
        <source>Bright lesions, 50–99.9 %</source>
        <translation>Lésions claires, 50–99,9 %</translation>
    </message>
    <message>
        <source>All values</source>
        <translation>Toutes les valeurs</translation>
    </message>
</context>
<context>
    <name>SequenceName</name>
    <message>
        <source>Sequence %1</source>
        <translation>Séquence %1</translation>
    </message>
</context>
<context>
    <name>SliceFrame</name>
    <message>
        <source>L</source>
        <comment>left</comment>
        <translation>G</translation>
    </message>
    <message>
        <source>R</source>
        <comment>right</comment>
        <translation>D</translation>
    </message>
    <message>
        <source>P</source>
        <comment>posterior</comment>
        <translation>P</translation>
    </message>
    <message>
        <source>A</source>
        <comment>anterior</comment>
        <translation>A</translation>
    </message>
    <message>
        <source>S</source>
        <comment>superior</comment>
        <translation>S</translation>
    </message>
    <message>
        <source>I</source>
        <comment>inferior</comment>
        <translation>I</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ColourLegend</name>
    <message>
        <source>Colour scale of %1, from %2 to %3</source>
        <translation>Échelle de couleurs de %1, de %2 à %3</translation>
    </message>
</context>
<context>
    <name>fovea::gui::CompareDialog</name>
    <message>
        <source>Choose …</source>
        <translation>Choisir …</translation>
    </message>
    <message>
        <source>Choose: %1</source>
        <translation>Choisir : %1</translation>
    </message>
    <message>
        <source>Compare with an earlier scan</source>
        <translation>Comparer à un examen antérieur</translation>
    </message>
    <message>
        <source>Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)</source>
        <translation>Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Earlier scan</source>
        <translation>Examen antérieur</translation>
    </message>
    <message>
        <source>Its mask (optional)</source>
        <translation>Son masque (facultatif)</translation>
    </message>
    <message>
        <source>growth.json (optional)</source>
        <translation>growth.json (facultatif)</translation>
    </message>
    <message>
        <source>Growth (growth.json);;All files (*)</source>
        <translation>Évolution (growth.json);;Tous les fichiers (*)</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ComparisonPanel</name>
    <message>
        <source>End comparison</source>
        <translation>Fin de la comparaison</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>Avant</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>Après</translation>
    </message>
    <message>
        <source>Change of each lesion</source>
        <translation>Évolution de chaque lésion</translation>
    </message>
</context>
<context>
    <name>fovea::gui::GrowthModel</name>
    <message>
        <source>all</source>
        <translation>toutes</translation>
    </message>
    <message>
        <source>lesion %1</source>
        <translation>lésion %1</translation>
    </message>
    <message>
        <source>new</source>
        <translation>nouvelle</translation>
    </message>
    <message>
        <source>vanished</source>
        <translation>disparue</translation>
    </message>
    <message>
        <source>grown</source>
        <translation>en croissance</translation>
    </message>
    <message>
        <source>shrunk</source>
        <translation>en régression</translation>
    </message>
    <message>
        <source>no certain change</source>
        <translation>pas de changement certain</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Quoi</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>Verdict</translation>
    </message>
    <message>
        <source>Before, ml</source>
        <translation>Avant, ml</translation>
    </message>
    <message>
        <source>After, ml</source>
        <translation>Après, ml</translation>
    </message>
    <message>
        <source>Change, ml</source>
        <translation>Écart, ml</translation>
    </message>
    <message>
        <source>Change, %</source>
        <translation>Écart, %</translation>
    </message>
    <message>
        <source>Doubling, days</source>
        <translation>Doublement, jours</translation>
    </message>
    <message>
        <source>No growth.json: run fovea mri growth for the change in ml.</source>
        <translation>Pas de growth.json : lancez fovea mri growth pour l’écart en ml.</translation>
    </message>
    <message>
        <source>Neither outline holds a lesion.</source>
        <translation>Aucun des deux contours ne contient de lésion.</translation>
    </message>
    <message>
        <source>%1 ml, %2 days later %3 ml: %4 ml</source>
        <translation>%1 ml, %2 jours plus tard %3 ml : %4 ml</translation>
    </message>
    <message>
        <source> (%1 %)</source>
        <translation> (%1 %)</translation>
    </message>
</context>
<context>
    <name>fovea::gui::LayerPanel</name>
    <message>
        <source>Layers</source>
        <translation>Calques</translation>
    </message>
    <message>
        <source>Sequences</source>
        <translation>Séquences</translation>
    </message>
    <message>
        <source>Drag sets</source>
        <translation>Glisser règle</translation>
    </message>
    <message>
        <source>Sequence whose window a drag sets</source>
        <translation>Séquence dont le fenêtrage est réglé en glissant</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenêtre</translation>
    </message>
    <message>
        <source>Window preset</source>
        <translation>Fenêtrage prédéfini</translation>
    </message>
    <message>
        <source>Add sequence …</source>
        <translation>Ajouter une séquence …</translation>
    </message>
    <message>
        <source>Segmentation</source>
        <translation>Segmentation</translation>
    </message>
    <message>
        <source>Fill</source>
        <translation>Remplissage</translation>
    </message>
    <message>
        <source>Opacity of the labels&apos; inside</source>
        <translation>Opacité de l’intérieur des étiquettes</translation>
    </message>
    <message>
        <source>Outlines</source>
        <translation>Contours</translation>
    </message>
    <message>
        <source>Outlines of the labels</source>
        <translation>Contours des étiquettes</translation>
    </message>
    <message>
        <source>Open result …</source>
        <translation>Ouvrir un résultat …</translation>
    </message>
    <message>
        <source>Colour overlay</source>
        <translation>Superposition en couleurs</translation>
    </message>
    <message>
        <source>What the colours show</source>
        <translation>Ce que montrent les couleurs</translation>
    </message>
    <message>
        <source>Opacity</source>
        <translation>Opacité</translation>
    </message>
    <message>
        <source>Opacity of the colour overlay</source>
        <translation>Opacité de la superposition</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Couleurs</translation>
    </message>
    <message>
        <source>Colour map</source>
        <translation>Palette de couleurs</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Affichage</translation>
    </message>
    <message>
        <source>Whose side is on the left</source>
        <translation>Quel côté est à gauche</translation>
    </message>
    <message>
        <source>Radiological: right on the left</source>
        <translation>Radiologique : droite à gauche</translation>
    </message>
    <message>
        <source>Neurological: left on the left</source>
        <translation>Neurologique : gauche à gauche</translation>
    </message>
    <message>
        <source>Crosshair</source>
        <translation>Réticule</translation>
    </message>
    <message>
        <source>Smooth pixels</source>
        <translation>Pixels lissés</translation>
    </message>
    <message>
        <source>Compare with earlier …</source>
        <translation>Comparer à l’antérieur …</translation>
    </message>
    <message>
        <source>Show %1</source>
        <translation>Afficher %1</translation>
    </message>
    <message>
        <source>Opacity of %1</source>
        <translation>Opacité de %1</translation>
    </message>
    <message>
        <source>Remove %1</source>
        <translation>Retirer %1</translation>
    </message>
    <message>
        <source>%1: %2 ml, one lesion</source>
        <translation>%1 : %2 ml, une lésion</translation>
    </message>
    <message>
        <source>%1: %2 ml, %3 lesions</source>
        <translation>%1 : %2 ml, %3 lésions</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Aucune</translation>
    </message>
    <message>
        <source>Other volume …</source>
        <translation>Autre volume …</translation>
    </message>
    <message>
        <source>Own: W %1 L %2</source>
        <translation>Propre : L %1 C %2</translation>
    </message>
</context>
<context>
    <name>fovea::gui::LesionModel</name>
    <message>
        <source>left</source>
        <translation>gauche</translation>
    </message>
    <message>
        <source>right</source>
        <translation>droite</translation>
    </message>
    <message>
        <source>midline</source>
        <translation>ligne médiane</translation>
    </message>
    <message>
        <source>below size limit</source>
        <translation>sous la taille limite</translation>
    </message>
    <message>
        <source>Largest distance between two voxel centres of the lesion</source>
        <translation>Plus grande distance entre deux centres de voxels de la lésion</translation>
    </message>
    <message>
        <source>The same within one axial slice</source>
        <translation>La même dans une coupe axiale</translation>
    </message>
    <message>
        <source>Extent across it within that slice</source>
        <translation>Étendue perpendiculaire dans cette coupe</translation>
    </message>
    <message>
        <source>Side of the plane of best mirror symmetry</source>
        <translation>Côté du plan de meilleure symétrie</translation>
    </message>
    <message>
        <source>Left, posterior and superior are positive</source>
        <translation>Gauche, postérieur et supérieur sont positifs</translation>
    </message>
    <message>
        <source>The network&apos;s own probability</source>
        <translation>Probabilité donnée par le réseau</translation>
    </message>
    <message>
        <source>#</source>
        <translation>N°</translation>
    </message>
    <message>
        <source>Label</source>
        <translation>Étiquette</translation>
    </message>
    <message>
        <source>Volume, ml</source>
        <translation>Volume, ml</translation>
    </message>
    <message>
        <source>Longest, mm</source>
        <translation>Plus long, mm</translation>
    </message>
    <message>
        <source>Axial, mm</source>
        <translation>Axial, mm</translation>
    </message>
    <message>
        <source>Width, mm</source>
        <translation>Largeur, mm</translation>
    </message>
    <message>
        <source>Side</source>
        <translation>Côté</translation>
    </message>
    <message>
        <source>Centroid LPS, mm</source>
        <translation>Centre LPS, mm</translation>
    </message>
    <message>
        <source>Mean p</source>
        <translation>p moyenne</translation>
    </message>
    <message>
        <source>Max p</source>
        <translation>p max.</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Remarque</translation>
    </message>
</context>
<context>
    <name>fovea::gui::LesionTable</name>
    <message>
        <source>Lesions</source>
        <translation>Lésions</translation>
    </message>
    <message>
        <source>A row jumps to its lesion; the columns sort</source>
        <translation>Une ligne mène à sa lésion ; les colonnes se trient</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ScanScene</name>
    <message>
        <source>LPS %1, %2, %3 mm</source>
        <translation>LPS %1, %2, %3 mm</translation>
    </message>
    <message>
        <source>voxel %1, %2, %3</source>
        <translation>voxel %1, %2, %3</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ScanView</name>
    <message>
        <source>Overlay</source>
        <translation>Superposition</translation>
    </message>
    <message>
        <source>Wheel, ↑ ↓</source>
        <translation>Molette, ↑ ↓</translation>
    </message>
    <message>
        <source>Slice by slice</source>
        <translation>Coupe par coupe</translation>
    </message>
    <message>
        <source>Page up, Page down</source>
        <translation>Page préc., Page suiv.</translation>
    </message>
    <message>
        <source>Ten slices</source>
        <translation>Dix coupes</translation>
    </message>
    <message>
        <source>Home, End</source>
        <translation>Début, Fin</translation>
    </message>
    <message>
        <source>First and last slice</source>
        <translation>Première et dernière coupe</translation>
    </message>
    <message>
        <source>Click</source>
        <translation>Clic</translation>
    </message>
    <message>
        <source>Crosshair there; selects a lesion</source>
        <translation>Y place le réticule ; choisit une lésion</translation>
    </message>
    <message>
        <source>Drag</source>
        <translation>Glisser</translation>
    </message>
    <message>
        <source>Window: to the right wider, downwards darker</source>
        <translation>Fenêtre : à droite plus large, vers le bas plus sombre</translation>
    </message>
    <message>
        <source>Shift + drag</source>
        <translation>Maj + glisser</translation>
    </message>
    <message>
        <source>Crosshair follows</source>
        <translation>Le réticule suit</translation>
    </message>
    <message>
        <source>Ctrl + arrows</source>
        <translation>Ctrl + flèches</translation>
    </message>
    <message>
        <source>Crosshair by one voxel</source>
        <translation>Réticule d’un voxel</translation>
    </message>
    <message>
        <source>Right drag, Ctrl + wheel, + −</source>
        <translation>Glisser à droite, Ctrl + molette, + −</translation>
    </message>
    <message>
        <source>Zoom in all planes</source>
        <translation>Zoom dans tous les plans</translation>
    </message>
    <message>
        <source>Middle drag, Ctrl + drag, Shift + arrows</source>
        <translation>Glisser au milieu, Ctrl + glisser, Maj + flèches</translation>
    </message>
    <message>
        <source>Move the picture</source>
        <translation>Déplacer l’image</translation>
    </message>
    <message>
        <source>0</source>
        <translation>0</translation>
    </message>
    <message>
        <source>Fit</source>
        <translation>Ajuster</translation>
    </message>
    <message>
        <source>Double click, Enter</source>
        <translation>Double clic, Entrée</translation>
    </message>
    <message>
        <source>One pane alone, and back</source>
        <translation>Une vue seule, et retour</translation>
    </message>
    <message>
        <source>A, C, S</source>
        <translation>A, C, S</translation>
    </message>
    <message>
        <source>Axial, coronal or sagittal alone</source>
        <translation>Axial, coronal ou sagittal seul</translation>
    </message>
    <message>
        <source>Esc</source>
        <translation>Échap</translation>
    </message>
    <message>
        <source>All four panes</source>
        <translation>Les quatre vues</translation>
    </message>
    <message>
        <source>W</source>
        <translation>W</translation>
    </message>
    <message>
        <source>Window of the start</source>
        <translation>Fenêtre de départ</translation>
    </message>
    <message>
        <source>X</source>
        <translation>X</translation>
    </message>
    <message>
        <source>Crosshair on and off</source>
        <translation>Réticule affiché ou non</translation>
    </message>
    <message>
        <source>H, held</source>
        <translation>H maintenu</translation>
    </message>
    <message>
        <source>Hide labels and colours</source>
        <translation>Cacher étiquettes et couleurs</translation>
    </message>
    <message>
        <source>[ ]</source>
        <translation>[ ]</translation>
    </message>
    <message>
        <source>Less and more opacity</source>
        <translation>Moins et plus d’opacité</translation>
    </message>
    <message>
        <source>Space</source>
        <translation>Espace</translation>
    </message>
    <message>
        <source>Select the lesion under the crosshair</source>
        <translation>Choisir la lésion sous le réticule</translation>
    </message>
    <message>
        <source>No scan is open</source>
        <translation>Aucun examen ouvert</translation>
    </message>
    <message>
        <source>Position and values</source>
        <translation>Position et valeurs</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Lecture</translation>
    </message>
    <message>
        <source>Add a sequence</source>
        <translation>Ajouter une séquence</translation>
    </message>
    <message>
        <source>Open a result folder</source>
        <translation>Ouvrir un dossier de résultat</translation>
    </message>
    <message>
        <source>Open a colour overlay</source>
        <translation>Ouvrir une superposition</translation>
    </message>
    <message>
        <source>Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)</source>
        <translation>Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Reading the scan …</source>
        <translation>Lecture de l’examen …</translation>
    </message>
    <message>
        <source>Several series</source>
        <translation>Plusieurs séries</translation>
    </message>
    <message>
        <source>The folder holds several series. Which one?</source>
        <translation>Le dossier contient plusieurs séries. Laquelle ?</translation>
    </message>
    <message>
        <source>Open the scan first that this belongs to.</source>
        <translation>Ouvrez d’abord l’examen correspondant.</translation>
    </message>
    <message>
        <source>it lies on another grid than the scan and is laid over it by its header</source>
        <translation>elle est sur une autre grille que l’examen et lui est superposée d’après son en-tête</translation>
    </message>
    <message>
        <source>it holds no lesion</source>
        <translation>elle ne contient aucune lésion</translation>
    </message>
    <message>
        <source>Segmentation</source>
        <translation>Segmentation</translation>
    </message>
    <message>
        <source>Earlier scan</source>
        <translation>Examen antérieur</translation>
    </message>
</context>
<context>
    <name>fovea::gui::SlicePane</name>
    <message>
        <source>Axial</source>
        <translation>Axial</translation>
    </message>
    <message>
        <source>Coronal</source>
        <translation>Coronal</translation>
    </message>
    <message>
        <source>Sagittal</source>
        <translation>Sagittal</translation>
    </message>
    <message>
        <source>%1 slices</source>
        <translation>Coupes : %1</translation>
    </message>
    <message>
        <source>%1, %2 slices</source>
        <translation>%1, coupes : %2</translation>
    </message>
    <message>
        <source>No scan is open</source>
        <translation>Aucun examen ouvert</translation>
    </message>
    <message>
        <source>%1 / %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>W %1  L %2</source>
        <translation>L %1  C %2</translation>
    </message>
    <message>
        <source>%1 mm</source>
        <translation>%1 mm</translation>
    </message>
</context>
<context>
    <name>fovea::gui::SurfacePane</name>
    <message>
        <source>Surface view of the lesions</source>
        <translation>Vue des surfaces des lésions</translation>
    </message>
    <message>
        <source>Lesions: %1</source>
        <translation>Lésions : %1</translation>
    </message>
    <message>
        <source>Preparing the surfaces …</source>
        <translation>Préparation des surfaces …</translation>
    </message>
    <message>
        <source>Surface</source>
        <translation>Surface</translation>
    </message>
</context>
</TS>
