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
    <name>Canvas</name>
    <message>
        <source>%1 px</source>
        <translation>%1 px</translation>
    </message>
    <message>
        <source>Scale unknown: enter µm per pixel to run</source>
        <translation>Échelle inconnue : saisir les µm par pixel</translation>
    </message>
    <message>
        <source>attention so far</source>
        <translation>attention à ce stade</translation>
    </message>
    <message>
        <source>No. %1 of %2, %3 of the attention</source>
        <translation>N° %1 sur %2, %3 de l’attention</translation>
    </message>
</context>
<context>
    <name>CaseStore</name>
    <message>
        <source>The program ended while this case ran. Run it again.</source>
        <translation>Le programme s’est arrêté pendant ce calcul. Relancez-le.</translation>
    </message>
</context>
<context>
    <name>Failure</name>
    <message>
        <source>Something unexpected went wrong; the details say what.</source>
        <translation>Quelque chose d’inattendu s’est produit ; les détails disent quoi.</translation>
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
    <name>Report</name>
    <message>
        <source>Tiles looked at</source>
        <translation>Tuiles examinées</translation>
    </message>
    <message>
        <source>Ten most attended tiles hold</source>
        <translation>Part des dix tuiles les plus regardées</translation>
    </message>
    <message>
        <source>Evenness of attention (entropy, 1 = even)</source>
        <translation>Uniformité de l’attention (entropie, 1 = uniforme)</translation>
    </message>
    <message>
        <source>Tissue</source>
        <translation>Tissu</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Échelle</translation>
    </message>
    <message>
        <source>%1 µm per pixel (%2)</source>
        <translation>%1 µm par pixel (%2)</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>Programme</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modèle</translation>
    </message>
    <message>
        <source>Tile encoder</source>
        <translation>Encodeur de tuiles</translation>
    </message>
    <message>
        <source>Slide</source>
        <translation>Lame</translation>
    </message>
    <message>
        <source>What the model is</source>
        <translation>Nature du modèle</translation>
    </message>
    <message>
        <source>No. %1: %2</source>
        <translation>N° %1 : %2</translation>
    </message>
    <message>
        <source>Research use only. Not a medical device; not for diagnosis or clinical decisions.</source>
        <translation>Pour la recherche uniquement. N’est pas un dispositif médical ; ni diagnostic ni décision clinique.</translation>
    </message>
    <message>
        <source>Slide report, case %1</source>
        <translation>Rapport de lame, cas %1</translation>
    </message>
    <message>
        <source>Prediction</source>
        <translation>Prédiction</translation>
    </message>
    <message>
        <source>A probability is the model&apos;s own estimate. It holds for slides like those the model was trained on and says nothing about findings it was not trained to see.</source>
        <translation>Une probabilité est l’estimation du modèle lui-même. Elle vaut pour des lames semblables à celles de son apprentissage et ne dit rien de ce qu’il n’a pas appris à voir.</translation>
    </message>
    <message>
        <source>Where the model looked</source>
        <translation>Où le modèle a regardé</translation>
    </message>
    <message>
        <source>Attention shows where the network looked, not where disease is. It is not a probability.</source>
        <translation>L’attention montre où le réseau a regardé, non où se trouve la maladie. Ce n’est pas une probabilité.</translation>
    </message>
    <message>
        <source>Most attended places</source>
        <translation>Endroits les plus regardés</translation>
    </message>
    <message>
        <source>Facts</source>
        <translation>Données</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>Régions</translation>
    </message>
    <message>
        <source>Notices</source>
        <translation>Remarques</translation>
    </message>
    <message>
        <source>Where it comes from</source>
        <translation>Provenance</translation>
    </message>
    <message>
        <source>Slide report</source>
        <translation>Rapport de lame</translation>
    </message>
    <message>
        <source>Page %1 of %2</source>
        <translation>Page %1 sur %2</translation>
    </message>
</context>
<context>
    <name>SequenceName</name>
    <message>
        <source>Sequence %1</source>
        <translation>Séquence %1</translation>
    </message>
    <message>
        <source>probability</source>
        <translation>probabilité</translation>
    </message>
    <message>
        <source>attention gate</source>
        <translation>porte d’attention</translation>
    </message>
    <message>
        <source>attention on %1</source>
        <translation>attention sur %1</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Réglages</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>Processeur</translation>
    </message>
    <message>
        <source>Graphics card (CUDA)</source>
        <translation>Carte graphique (CUDA)</translation>
    </message>
    <message>
        <source>all</source>
        <translation>tous</translation>
    </message>
    <message>
        <source>Show file names (they may hold a patient&apos;s name)</source>
        <translation>Afficher les noms de fichiers (ils peuvent contenir un nom de patient)</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>Comme le système</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Clair</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Sombre</translation>
    </message>
    <message>
        <source>&amp;Model folder</source>
        <translation>Dossier des &amp;modèles</translation>
    </message>
    <message>
        <source>&amp;Result folder</source>
        <translation>Dossier des &amp;résultats</translation>
    </message>
    <message>
        <source>&amp;Device</source>
        <translation>&amp;Calculateur</translation>
    </message>
    <message>
        <source>&amp;Threads of a run</source>
        <translation>&amp;Fils d’un calcul</translation>
    </message>
    <message>
        <source>Memory for slide &amp;tiles</source>
        <translation>Mémoire des &amp;tuiles</translation>
    </message>
    <message>
        <source>&amp;Privacy</source>
        <translation>&amp;Confidentialité</translation>
    </message>
    <message>
        <source>&amp;Appearance</source>
        <translation>&amp;Apparence</translation>
    </message>
    <message>
        <source>&amp;Language (at the next start)</source>
        <translation>&amp;Langue (au prochain démarrage)</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>Dossier des modèles</translation>
    </message>
    <message>
        <source>Result folder</source>
        <translation>Dossier des résultats</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Enregistrer</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Choisir…</translation>
    </message>
</context>
<context>
    <name>Shortcuts</name>
    <message>
        <source>Window</source>
        <translation>Fenêtre</translation>
    </message>
    <message>
        <source>Add files</source>
        <translation>Ajouter des fichiers</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Ajouter un dossier</translation>
    </message>
    <message>
        <source>Search cases</source>
        <translation>Chercher un cas</translation>
    </message>
    <message>
        <source>View, report, queue</source>
        <translation>Image, rapport, file d’attente</translation>
    </message>
    <message>
        <source>Start the run</source>
        <translation>Lancer le calcul</translation>
    </message>
    <message>
        <source>Save the report as PDF</source>
        <translation>Enregistrer le rapport en PDF</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Réglages</translation>
    </message>
    <message>
        <source>Slide</source>
        <translation>Lame</translation>
    </message>
    <message>
        <source>Drag, arrows</source>
        <translation>Glisser, flèches</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>Déplacer</translation>
    </message>
    <message>
        <source>Wheel, + and -</source>
        <translation>Molette, + et -</translation>
    </message>
    <message>
        <source>Zoom</source>
        <translation>Agrandir</translation>
    </message>
    <message>
        <source>Whole slide</source>
        <translation>Lame entière</translation>
    </message>
    <message>
        <source>One slide pixel for one of the screen</source>
        <translation>Un pixel de la lame pour un de l’écran</translation>
    </message>
    <message>
        <source>Rotate by 90°, and back</source>
        <translation>Tourner de 90°, et retour</translation>
    </message>
    <message>
        <source>Heatmap on and off</source>
        <translation>Afficher ou masquer la carte</translation>
    </message>
    <message>
        <source>Space, held</source>
        <translation>Espace, maintenu</translation>
    </message>
    <message>
        <source>Hide the heatmap</source>
        <translation>Masquer la carte</translation>
    </message>
    <message>
        <source>Opacity of the heatmap</source>
        <translation>Opacité de la carte</translation>
    </message>
    <message>
        <source>Tissue outline on and off</source>
        <translation>Afficher ou masquer le contour du tissu</translation>
    </message>
    <message>
        <source>Page down, page up</source>
        <translation>Page suivante, page précédente</translation>
    </message>
    <message>
        <source>Next and previous of the most attended places</source>
        <translation>Endroit le plus regardé suivant, précédent</translation>
    </message>
    <message>
        <source>Move, rectangle, polygon, point, measure</source>
        <translation>Déplacer, rectangle, polygone, point, mesure</translation>
    </message>
    <message>
        <source>Enter, double click</source>
        <translation>Entrée, double clic</translation>
    </message>
    <message>
        <source>End a polygon</source>
        <translation>Terminer un polygone</translation>
    </message>
    <message>
        <source>Backspace, Esc</source>
        <translation>Retour arrière, Échap</translation>
    </message>
    <message>
        <source>Take back its last point, give it up</source>
        <translation>Ôter son dernier point, l’abandonner</translation>
    </message>
    <message>
        <source>Undo, redo regions</source>
        <translation>Annuler, rétablir les régions</translation>
    </message>
    <message>
        <source>Scan</source>
        <translation>Examen</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>Touches</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Fermer</translation>
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
    <name>check_list</name>
    <message>
        <source>No:</source>
        <translation>Non :</translation>
    </message>
    <message>
        <source>Note:</source>
        <translation>À noter :</translation>
    </message>
    <message>
        <source>Good:</source>
        <translation>Bon :</translation>
    </message>
</context>
<context>
    <name>fovea::gui::AttentionPanel</name>
    <message>
        <source>Rank among tiles</source>
        <translation>Rang parmi les tuiles</translation>
    </message>
    <message>
        <source>Lowest to highest</source>
        <translation>Du plus bas au plus haut</translation>
    </message>
    <message>
        <source>Times the even share</source>
        <translation>Multiples de la part égale</translation>
    </message>
    <message>
        <source>Smooth the heatmap</source>
        <translation>Lisser la carte</translation>
    </message>
    <message>
        <source>Frame the ten most attended</source>
        <translation>Encadrer les dix plus regardées</translation>
    </message>
    <message>
        <source>&amp;Branch</source>
        <translation>&amp;Branche</translation>
    </message>
    <message>
        <source>&amp;Values</source>
        <translation>&amp;Valeurs</translation>
    </message>
    <message>
        <source>&amp;Colours</source>
        <translation>&amp;Couleurs</translation>
    </message>
    <message>
        <source>&amp;Opacity</source>
        <translation>&amp;Opacité</translation>
    </message>
    <message>
        <source>Branch of the attention</source>
        <translation>Branche de l’attention</translation>
    </message>
    <message>
        <source>What the colours stand for</source>
        <translation>Ce que signifient les couleurs</translation>
    </message>
    <message>
        <source>Colour map</source>
        <translation>Palette</translation>
    </message>
    <message>
        <source>Opacity of the heatmap</source>
        <translation>Opacité de la carte</translation>
    </message>
    <message>
        <source>Most attended places</source>
        <translation>Endroits les plus regardés</translation>
    </message>
    <message>
        <source>No result yet. Choose a model under Run and start.</source>
        <translation>Pas encore de résultat. Choisissez un modèle sous Calcul et lancez.</translation>
    </message>
    <message>
        <source>Mean of all</source>
        <translation>Moyenne de toutes</translation>
    </message>
    <message>
        <source>Branch %1</source>
        <translation>Branche %1</translation>
    </message>
    <message>
        <source>%1 tiles share an attention of %2; ten of them hold %3. Attention is not a probability.</source>
        <translation>%1 tuiles se partagent une attention de %2 ; dix d’entre elles en ont %3. L’attention n’est pas une probabilité.</translation>
    </message>
    <message>
        <source>This result has no places on the slide.</source>
        <translation>Ce résultat n’a pas de positions sur la lame.</translation>
    </message>
    <message>
        <source>So far: %1 of %2 tiles seen.</source>
        <translation>À ce stade : %1 tuiles vues sur %2.</translation>
    </message>
    <message>
        <source>The leading class is estimated to stay: %1.</source>
        <translation>La classe en tête devrait le rester : %1.</translation>
    </message>
    <message>
        <source>Unseen tiles could take %1 of the attention at most.</source>
        <translation>Les tuiles non vues prendraient au plus %1 de l’attention.</translation>
    </message>
</context>
<context>
    <name>fovea::gui::CaseListModel</name>
    <message>
        <source>new</source>
        <translation>nouveau</translation>
    </message>
    <message>
        <source>queued</source>
        <translation>en file</translation>
    </message>
    <message>
        <source>running</source>
        <translation>en cours</translation>
    </message>
    <message>
        <source>done</source>
        <translation>terminé</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>échec</translation>
    </message>
    <message>
        <source>slide</source>
        <translation>lame</translation>
    </message>
    <message>
        <source>scan</source>
        <translation>examen</translation>
    </message>
    <message>
        <source>Slide</source>
        <translation>Lame</translation>
    </message>
    <message>
        <source>Scan</source>
        <translation>Examen</translation>
    </message>
    <message>
        <source>%1, patient %2</source>
        <translation>%1, patient %2</translation>
    </message>
    <message>
        <source>%1, added %2</source>
        <translation>%1, ajouté le %2</translation>
    </message>
    <message>
        <source>running, %1 %</source>
        <translation>en cours, %1 %</translation>
    </message>
</context>
<context>
    <name>fovea::gui::CasePanel</name>
    <message>
        <source>Add files</source>
        <translation>Fichiers</translation>
    </message>
    <message>
        <source>Add folder</source>
        <translation>Dossier</translation>
    </message>
    <message>
        <source>Search cases</source>
        <translation>Chercher un cas</translation>
    </message>
    <message>
        <source>Cases</source>
        <translation>Cas</translation>
    </message>
    <message numerus="yes">
        <source>%n case(s)</source>
        <translation>
            <numerusform>%n cas</numerusform>
            <numerusform>%n cas</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 of %2 cases</source>
        <translation>%1 cas sur %2</translation>
    </message>
    <message numerus="yes">
        <source>Run %n case(s)</source>
        <translation>
            <numerusform>Calculer %n cas</numerusform>
            <numerusform>Calculer %n cas</numerusform>
        </translation>
    </message>
    <message>
        <source>Locate the file again…</source>
        <translation>Retrouver le fichier…</translation>
    </message>
    <message>
        <source>Remove from the list</source>
        <translation>Retirer de la liste</translation>
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
        <source>growth.json (optional)</source>
        <translation>growth.json (facultatif)</translation>
    </message>
    <message>
        <source>Growth (growth.json);;All files (*)</source>
        <translation>Évolution (growth.json);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Earlier study</source>
        <translation>Examen antérieur</translation>
    </message>
    <message>
        <source>the files below</source>
        <translation>les fichiers ci-dessous</translation>
    </message>
    <message>
        <source>%1, the same patient</source>
        <translation>%1, même patient</translation>
    </message>
    <message>
        <source>Its result or mask</source>
        <translation>Son résultat ou son masque</translation>
    </message>
    <message>
        <source>Folder for the comparison</source>
        <translation>Dossier de la comparaison</translation>
    </message>
    <message>
        <source> days</source>
        <translation> jours</translation>
    </message>
    <message>
        <source>the change is not computed</source>
        <translation>l’évolution n’est pas calculée</translation>
    </message>
    <message>
        <source>Days between the scans</source>
        <translation>Jours entre les examens</translation>
    </message>
    <message>
        <source>Bring the scans together by their content</source>
        <translation>Recaler les examens par leur contenu</translation>
    </message>
    <message>
        <source>A rigid registration; without it the headers must share a frame of reference</source>
        <translation>Un recalage rigide ; sans lui, les en-têtes doivent partager un repère</translation>
    </message>
    <message>
        <source>Days between</source>
        <translation>Jours écoulés</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Comparer</translation>
    </message>
    <message>
        <source>Choose the earlier scan.</source>
        <translation>Choisissez l’examen antérieur.</translation>
    </message>
    <message>
        <source>The open scan has no result yet: run it, or open one, and compare then.</source>
        <translation>L’examen ouvert n’a pas encore de résultat : lancez-le ou ouvrez-en un, puis comparez.</translation>
    </message>
    <message>
        <source>The change needs the earlier scan&apos;s result or mask.</source>
        <translation>L’évolution demande le résultat ou le masque de l’examen antérieur.</translation>
    </message>
    <message>
        <source>Choose a folder for the comparison.</source>
        <translation>Choisissez un dossier pour la comparaison.</translation>
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
    <name>fovea::gui::CurvePlot</name>
    <message>
        <source>epoch %1: %2</source>
        <translation>époque %1 : %2</translation>
    </message>
    <message numerus="yes">
        <source>%n curve(s)</source>
        <translation>
            <numerusform>%n courbe</numerusform>
            <numerusform>%n courbes</numerusform>
        </translation>
    </message>
    <message>
        <source>epoch</source>
        <translation>époque</translation>
    </message>
</context>
<context>
    <name>fovea::gui::Engine</name>
    <message>
        <source>Some of it could not be done.</source>
        <translation>Une partie n’a pas pu être faite.</translation>
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
    <name>fovea::gui::MainWindow</name>
    <message>
        <source>Drop slides or scans here</source>
        <translation>Déposez ici des lames ou des examens</translation>
    </message>
    <message>
        <source>Files, folders and DICOM studies; or use Add files at the left.</source>
        <translation>Fichiers, dossiers et études DICOM ; ou « Fichiers » à gauche.</translation>
    </message>
    <message>
        <source>What can be done with the case</source>
        <translation>Ce que l’on peut faire du cas</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Calcul</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>Attention</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>Régions</translation>
    </message>
    <message>
        <source>Progress of the run</source>
        <translation>Avancement du calcul</translation>
    </message>
    <message>
        <source>Research use only, not for diagnosis</source>
        <translation>Pour la recherche uniquement, pas pour le diagnostic</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenêtre</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Image</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Rapport</translation>
    </message>
    <message>
        <source>Queue</source>
        <translation>File d’attente</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Réglages</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>Touches</translation>
    </message>
    <message>
        <source>Add files</source>
        <translation>Ajouter des fichiers</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Ajouter un dossier</translation>
    </message>
    <message>
        <source>Search cases</source>
        <translation>Chercher un cas</translation>
    </message>
    <message>
        <source>Start the run</source>
        <translation>Lancer le calcul</translation>
    </message>
    <message>
        <source>Save the report as PDF</source>
        <translation>Enregistrer le rapport en PDF</translation>
    </message>
    <message>
        <source>Add slides and scans</source>
        <translation>Ajouter des lames et des examens</translation>
    </message>
    <message>
        <source>The file of this case is not where it was.</source>
        <translation>Le fichier de ce cas n’est plus à sa place.</translation>
    </message>
    <message>
        <source>Locate…</source>
        <translation>Retrouver…</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>Dossier des modèles</translation>
    </message>
    <message>
        <source>Save the request</source>
        <translation>Enregistrer la requête</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message numerus="yes">
        <source>%n case(s) could not be queued: no model fits.</source>
        <translation>
            <numerusform>%n cas n’a pas pu être mis en file : aucun modèle ne convient.</numerusform>
            <numerusform>%n cas n’ont pas pu être mis en file : aucun modèle ne convient.</numerusform>
        </translation>
    </message>
    <message>
        <source>Export regions</source>
        <translation>Exporter les régions</translation>
    </message>
    <message>
        <source>GeoJSON (*.geojson)</source>
        <translation>GeoJSON (*.geojson)</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>Enregistré.</translation>
    </message>
    <message>
        <source>%1 – Fovea</source>
        <translation>%1 – Fovea</translation>
    </message>
    <message>
        <source>Choose a case.</source>
        <translation>Choisissez un cas.</translation>
    </message>
    <message>
        <source>This case has no result yet. Run it first.</source>
        <translation>Ce cas n’a pas encore de résultat. Lancez d’abord le calcul.</translation>
    </message>
    <message>
        <source>The result is being read.</source>
        <translation>Lecture du résultat.</translation>
    </message>
    <message>
        <source>The slide under its attention; the bar at its side tells the values.</source>
        <translation>La lame sous son attention ; la barre de côté en donne les valeurs.</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Prêt</translation>
    </message>
    <message numerus="yes">
        <source>, %n waiting</source>
        <translation>
            <numerusform>, %n en attente</numerusform>
            <numerusform>, %n en attente</numerusform>
        </translation>
    </message>
    <message>
        <source>Where is it now?</source>
        <translation>Où se trouve-t-il maintenant ?</translation>
    </message>
    <message numerus="yes">
        <source>%n case(s) were found again.</source>
        <translation>
            <numerusform>%n cas a été retrouvé.</numerusform>
            <numerusform>%n cas ont été retrouvés.</numerusform>
        </translation>
    </message>
    <message>
        <source>A run is going on</source>
        <translation>Un calcul est en cours</translation>
    </message>
    <message>
        <source>Closing stops it; nothing partial is left. Waiting cases go on at the next start.</source>
        <translation>Fermer l’arrête sans rien laisser d’incomplet. Les cas en attente reprendront au prochain démarrage.</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Cancel the run that goes on</source>
        <translation>Annuler le calcul en cours</translation>
    </message>
    <message>
        <source>Train</source>
        <translation>Entraîner</translation>
    </message>
    <message>
        <source>Run offers the model %1 now.</source>
        <translation>Calcul propose désormais le modèle %1.</translation>
    </message>
</context>
<context>
    <name>fovea::gui::MessageBar</name>
    <message>
        <source>Details of the message</source>
        <translation>Détails du message</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Détails</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Fermer</translation>
    </message>
    <message>
        <source>What can be done</source>
        <translation>Ce que l’on peut faire</translation>
    </message>
</context>
<context>
    <name>fovea::gui::OverviewMap</name>
    <message>
        <source>Overview of the slide</source>
        <translation>Vue d’ensemble de la lame</translation>
    </message>
</context>
<context>
    <name>fovea::gui::PatchModel</name>
    <message>
        <source>%1.  %2</source>
        <translation>%1.  %2</translation>
    </message>
    <message>
        <source>Place %1, %2 of the attention</source>
        <translation>Endroit %1, %2 de l’attention</translation>
    </message>
</context>
<context>
    <name>fovea::gui::PathRow</name>
    <message>
        <source>Choose a file: %1</source>
        <translation>Choisir un fichier : %1</translation>
    </message>
    <message>
        <source>Choose a folder: %1</source>
        <translation>Choisir un dossier : %1</translation>
    </message>
</context>
<context>
    <name>fovea::gui::QueuePage</name>
    <message>
        <source>Runs</source>
        <translation>Calculs</translation>
    </message>
    <message>
        <source>Log of the chosen run</source>
        <translation>Journal du calcul choisi</translation>
    </message>
    <message>
        <source>Choose a run to see its log.</source>
        <translation>Choisissez un calcul pour voir son journal.</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Run again</source>
        <translation>Relancer</translation>
    </message>
    <message>
        <source>Clear what has ended</source>
        <translation>Effacer ce qui est fini</translation>
    </message>
    <message>
        <source>Queue</source>
        <translation>File d’attente</translation>
    </message>
</context>
<context>
    <name>fovea::gui::RegionModel</name>
    <message>
        <source>point</source>
        <translation>point</translation>
    </message>
    <message>
        <source>%1 px²</source>
        <translation>%1 px²</translation>
    </message>
    <message>
        <source>Region %1</source>
        <translation>Région %1</translation>
    </message>
</context>
<context>
    <name>fovea::gui::RegionPanel</name>
    <message>
        <source>Draw with the tools over the slide: rectangle, polygon or point. Regions are saved with the case as you draw and open in QuPath.</source>
        <translation>Dessinez avec les outils au-dessus de la lame : rectangle, polygone ou point. Les régions sont enregistrées avec le cas à mesure et s’ouvrent dans QuPath.</translation>
    </message>
    <message>
        <source>Regions</source>
        <translation>Régions</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Supprimer</translation>
    </message>
    <message>
        <source>Export GeoJSON…</source>
        <translation>Exporter en GeoJSON…</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ReportPage</name>
    <message>
        <source>Preview of the report</source>
        <translation>Aperçu du rapport</translation>
    </message>
    <message>
        <source>Save PDF…</source>
        <translation>Enregistrer en PDF…</translation>
    </message>
    <message>
        <source>Save JSON…</source>
        <translation>Enregistrer en JSON…</translation>
    </message>
    <message>
        <source>Save CSV…</source>
        <translation>Enregistrer en CSV…</translation>
    </message>
    <message>
        <source>PDF (*.pdf)</source>
        <translation>PDF (*.pdf)</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>CSV (*.csv)</source>
        <translation>CSV (*.csv)</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>Enregistrer le rapport</translation>
    </message>
</context>
<context>
    <name>fovea::gui::RunPanel</name>
    <message>
        <source>Model</source>
        <translation>Modèle</translation>
    </message>
    <message>
        <source>Model folder…</source>
        <translation>Dossier des modèles…</translation>
    </message>
    <message>
        <source>as the file says</source>
        <translation>selon le fichier</translation>
    </message>
    <message>
        <source>Micrometres per pixel</source>
        <translation>Micromètres par pixel</translation>
    </message>
    <message>
        <source>Overlap of neighbouring tiles</source>
        <translation>Recouvrement des tuiles voisines</translation>
    </message>
    <message>
        <source>Show the result while it grows</source>
        <translation>Montrer le résultat en formation</translation>
    </message>
    <message>
        <source>µm per &amp;pixel</source>
        <translation>µm par &amp;pixel</translation>
    </message>
    <message>
        <source>&amp;Overlap</source>
        <translation>&amp;Recouvrement</translation>
    </message>
    <message>
        <source>Before the start</source>
        <translation>Avant de lancer</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Lancer</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Save the request…</source>
        <translation>Enregistrer la requête…</translation>
    </message>
    <message>
        <source>A JSON file that the command line repeats: fovea run FILE</source>
        <translation>Un fichier JSON que la ligne de commande répète : fovea run FICHIER</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>&amp;Modèle</translation>
    </message>
    <message>
        <source>%1 (from the file)</source>
        <translation>%1 (du fichier)</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1 : %2</translation>
    </message>
    <message>
        <source>There is no model in the model folder.</source>
        <translation>Le dossier des modèles n’en contient aucun.</translation>
    </message>
    <message>
        <source>No model fits this case.</source>
        <translation>Aucun modèle ne convient à ce cas.</translation>
    </message>
    <message>
        <source>Waiting for its turn.</source>
        <translation>Attend son tour.</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>encore %1 environ</translation>
    </message>
    <message>
        <source>Cancelling.</source>
        <translation>Annulation.</translation>
    </message>
</context>
<context>
    <name>fovea::gui::RunQueue</name>
    <message>
        <source>waiting</source>
        <translation>en attente</translation>
    </message>
    <message>
        <source>cancelling</source>
        <translation>annulation</translation>
    </message>
    <message>
        <source>running</source>
        <translation>en cours</translation>
    </message>
    <message>
        <source>done</source>
        <translation>terminé</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>échec</translation>
    </message>
    <message>
        <source>cancelled</source>
        <translation>annulé</translation>
    </message>
    <message>
        <source>Case</source>
        <translation>Cas</translation>
    </message>
    <message>
        <source>State</source>
        <translation>État</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>Étape</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Temps</translation>
    </message>
    <message>
        <source>%1, %2 %</source>
        <translation>%1, %2 %</translation>
    </message>
    <message>
        <source>%1, about %2 left</source>
        <translation>%1, encore %2 environ</translation>
    </message>
    <message>
        <source>queued</source>
        <translation>en file</translation>
    </message>
    <message>
        <source>started</source>
        <translation>lancé</translation>
    </message>
    <message>
        <source>Nothing was left behind.</source>
        <translation>Il n’en reste rien.</translation>
    </message>
</context>
<context>
    <name>fovea::gui::ScanPage</name>
    <message>
        <source>This build has no scan view. The case can be run; its result is under Report.</source>
        <translation>Cette version n’a pas de vue d’examen. Le cas peut être calculé ; son résultat est sous Rapport.</translation>
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
    <message>
        <source>Computing the change between both scans …</source>
        <translation>Calcul de l’évolution entre les deux examens …</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Évolution</translation>
    </message>
</context>
<context>
    <name>fovea::gui::Session</name>
    <message>
        <source>Nothing in this folder is a slide or a scan.</source>
        <translation>Rien dans ce dossier n’est une lame ni un examen.</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1 : %2</translation>
    </message>
    <message>
        <source>A case that runs or waits stays in the list. Cancel its run first.</source>
        <translation>Un cas en cours ou en attente reste dans la liste. Annulez d’abord son calcul.</translation>
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
    <name>fovea::gui::SlideCanvas</name>
    <message>
        <source>Slide</source>
        <translation>Lame</translation>
    </message>
    <message>
        <source>Drag to move, wheel to zoom, H for the heatmap, F1 for all keys</source>
        <translation>Glisser pour déplacer, molette pour agrandir, H pour la carte, F1 pour toutes les touches</translation>
    </message>
</context>
<context>
    <name>fovea::gui::SlidePage</name>
    <message>
        <source>Slide tools</source>
        <translation>Outils de la lame</translation>
    </message>
    <message>
        <source>Move and look</source>
        <translation>Déplacer et regarder</translation>
    </message>
    <message>
        <source>Draw a rectangle</source>
        <translation>Dessiner un rectangle</translation>
    </message>
    <message>
        <source>Draw a polygon</source>
        <translation>Dessiner un polygone</translation>
    </message>
    <message>
        <source>Mark a point</source>
        <translation>Marquer un point</translation>
    </message>
    <message>
        <source>Measure a distance</source>
        <translation>Mesurer une distance</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Rétablir</translation>
    </message>
    <message>
        <source>Whole slide</source>
        <translation>Lame entière</translation>
    </message>
    <message>
        <source>Rotate by 90°</source>
        <translation>Tourner de 90°</translation>
    </message>
    <message>
        <source>Heatmap</source>
        <translation>Carte d’attention</translation>
    </message>
    <message>
        <source>Tissue outline</source>
        <translation>Contour du tissu</translation>
    </message>
    <message>
        <source>Overview</source>
        <translation>Vue d’ensemble</translation>
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
<context>
    <name>fovea::gui::TrainForm</name>
    <message>
        <source>What is trained</source>
        <translation>Ce qui est entraîné</translation>
    </message>
    <message>
        <source>Slides: features and labels</source>
        <translation>Lames : descripteurs et étiquettes</translation>
    </message>
    <message>
        <source>Scans: volumes and outlines</source>
        <translation>Examens : volumes et contours</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>Recette</translation>
    </message>
    <message>
        <source>Tables (*.csv);;All files (*)</source>
        <translation>Tableaux (*.csv);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Features</source>
        <translation>Descripteurs</translation>
    </message>
    <message>
        <source>Features (*.h5 *.hdf5 *.csv);;All files (*)</source>
        <translation>Descripteurs (*.h5 *.hdf5 *.csv);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Étiquettes</translation>
    </message>
    <message>
        <source>Cases</source>
        <translation>Cas</translation>
    </message>
    <message>
        <source>Run folder</source>
        <translation>Dossier de l’entraînement</translation>
    </message>
    <message>
        <source>those in the features</source>
        <translation>celles des descripteurs</translation>
    </message>
    <message>
        <source>Epochs</source>
        <translation>Époques</translation>
    </message>
    <message>
        <source>one split</source>
        <translation>une seule répartition</translation>
    </message>
    <message>
        <source>Folds</source>
        <translation>Plis</translation>
    </message>
    <message>
        <source>Seeds, with commas between</source>
        <translation>Graines, séparées par des virgules</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>Taux d’apprentissage</translation>
    </message>
    <message>
        <source>Start training</source>
        <translation>Lancer l’entraînement</translation>
    </message>
    <message>
        <source>Save the request…</source>
        <translation>Enregistrer la requête…</translation>
    </message>
    <message>
        <source>A JSON file that the command line repeats: fovea run FILE</source>
        <translation>Un fichier JSON que la ligne de commande répète : fovea run FICHIER</translation>
    </message>
    <message>
        <source>New training</source>
        <translation>Nouvel entraînement</translation>
    </message>
    <message>
        <source>Choose a recipe file</source>
        <translation>Choisir un fichier de recette</translation>
    </message>
    <message>
        <source>Recipes (*.json);;All files (*)</source>
        <translation>Recettes (*.json);;Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>&amp;Recipe</source>
        <translation>&amp;Recette</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Données</translation>
    </message>
    <message>
        <source>Fea&amp;tures</source>
        <translation>Descrip&amp;teurs</translation>
    </message>
    <message>
        <source>&amp;Labels</source>
        <translation>É&amp;tiquettes</translation>
    </message>
    <message>
        <source>&amp;Cases</source>
        <translation>&amp;Cas</translation>
    </message>
    <message>
        <source>Run f&amp;older</source>
        <translation>D&amp;ossier</translation>
    </message>
    <message>
        <source>Changes to the recipe</source>
        <translation>Changements à la recette</translation>
    </message>
    <message>
        <source>&amp;Epochs</source>
        <translation>&amp;Époques</translation>
    </message>
    <message>
        <source>Lear&amp;ning rate</source>
        <translation>Taux d’appre&amp;ntissage</translation>
    </message>
    <message>
        <source>&amp;Seeds</source>
        <translation>&amp;Graines</translation>
    </message>
    <message>
        <source>Fol&amp;ds</source>
        <translation>P&amp;lis</translation>
    </message>
    <message>
        <source>Before the start</source>
        <translation>Avant le départ</translation>
    </message>
    <message>
        <source>Trains %1</source>
        <translation>Entraîne %1</translation>
    </message>
    <message>
        <source>Choose a recipe.</source>
        <translation>Choisissez une recette.</translation>
    </message>
    <message>
        <source>Seeds are whole numbers with commas between.</source>
        <translation>Les graines sont des entiers séparés par des virgules.</translation>
    </message>
    <message>
        <source>The learning rate is a number above 0, for example 1e-4.</source>
        <translation>Le taux d’apprentissage est un nombre supérieur à 0, par exemple 1e-4.</translation>
    </message>
    <message>
        <source>Choose the data and a folder for the run.</source>
        <translation>Choisissez les données et un dossier pour l’entraînement.</translation>
    </message>
    <message>
        <source>Choose the data.</source>
        <translation>Choisissez les données.</translation>
    </message>
</context>
<context>
    <name>fovea::gui::TrainPage</name>
    <message>
        <source>Save the request</source>
        <translation>Enregistrer la requête</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>A training goes on</source>
        <translation>Un entraînement est en cours</translation>
    </message>
    <message numerus="yes">
        <source>%n training(s) can go on without the window, or stop at a checkpoint.</source>
        <translation>
            <numerusform>%n entraînement peut continuer sans la fenêtre, ou s’arrêter à un point de reprise.</numerusform>
            <numerusform>%n entraînements peuvent continuer sans la fenêtre, ou s’arrêter à un point de reprise.</numerusform>
        </translation>
    </message>
    <message>
        <source>Go on in the background</source>
        <translation>Continuer en arrière-plan</translation>
    </message>
    <message>
        <source>Stop at the checkpoint</source>
        <translation>S’arrêter au point de reprise</translation>
    </message>
    <message>
        <source>Training: %1</source>
        <translation>Entraînement : %1</translation>
    </message>
</context>
<context>
    <name>fovea::gui::TrainView</name>
    <message>
        <source>Training runs</source>
        <translation>Entraînements</translation>
    </message>
    <message>
        <source>No run is open</source>
        <translation>Aucun entraînement ouvert</translation>
    </message>
    <message>
        <source>Open a run…</source>
        <translation>Ouvrir…</translation>
    </message>
    <message>
        <source>Take off the list</source>
        <translation>Retirer de la liste</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Arrêter</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reprendre</translation>
    </message>
    <message>
        <source>Use this model</source>
        <translation>Utiliser ce modèle</translation>
    </message>
    <message>
        <source>Copies the kept epoch&apos;s model to the models that Run offers</source>
        <translation>Copie le modèle de l’époque retenue parmi ceux que propose Calcul</translation>
    </message>
    <message>
        <source>Evaluation</source>
        <translation>Évaluation</translation>
    </message>
    <message>
        <source>Progress of the training</source>
        <translation>Progression de l’entraînement</translation>
    </message>
    <message>
        <source>Open a run folder</source>
        <translation>Ouvrir le dossier d’un entraînement</translation>
    </message>
    <message>
        <source>Seeds and folds</source>
        <translation>Graines et plis</translation>
    </message>
    <message>
        <source>Seed and fold</source>
        <translation>Graine et pli</translation>
    </message>
    <message>
        <source>State</source>
        <translation>État</translation>
    </message>
    <message>
        <source>Start a training at the left, or open the folder of one.</source>
        <translation>Lancez un entraînement à gauche, ou ouvrez le dossier d’un entraînement.</translation>
    </message>
    <message>
        <source>Reading the run…</source>
        <translation>Lecture de l’entraînement…</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>encore %1 environ</translation>
    </message>
    <message>
        <source>After the first epoch</source>
        <translation>Après la première époque</translation>
    </message>
</context>
<context>
    <name>fovea::gui::Training</name>
    <message>
        <source>Loss</source>
        <translation>Perte</translation>
    </message>
    <message>
        <source>Validation Dice</source>
        <translation>Dice de validation</translation>
    </message>
    <message>
        <source>Validation AUC</source>
        <translation>AUC de validation</translation>
    </message>
    <message>
        <source>Attention entropy, 0 to 1</source>
        <translation>Entropie de l’attention, de 0 à 1</translation>
    </message>
    <message>
        <source>Attention of the ten largest</source>
        <translation>Attention des dix plus grands</translation>
    </message>
    <message>
        <source>Lesions found, share</source>
        <translation>Part des lésions trouvées</translation>
    </message>
    <message>
        <source>training</source>
        <translation>apprentissage</translation>
    </message>
    <message>
        <source>validation</source>
        <translation>validation</translation>
    </message>
    <message>
        <source>seed %1, fold %2</source>
        <translation>graine %1, pli %2</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>en attente</translation>
    </message>
    <message>
        <source>first epoch</source>
        <translation>première époque</translation>
    </message>
    <message>
        <source>epoch %1 of %2</source>
        <translation>époque %1 sur %2</translation>
    </message>
    <message>
        <source>best %1 in epoch %2</source>
        <translation>meilleur %1 à l’époque %2</translation>
    </message>
    <message>
        <source>trained</source>
        <translation>entraîné</translation>
    </message>
    <message>
        <source>Stopping; the checkpoint is written.</source>
        <translation>Arrêt en cours ; le point de reprise est écrit.</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>En cours</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>Terminé</translation>
    </message>
    <message>
        <source>Finished; something was left out.</source>
        <translation>Terminé ; une partie a été laissée de côté.</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Échec</translation>
    </message>
    <message>
        <source>Stopped; Resume goes on from the checkpoint.</source>
        <translation>Arrêté ; Reprendre continue depuis le point de reprise.</translation>
    </message>
    <message>
        <source>Ended without a word; Resume goes on from the checkpoint.</source>
        <translation>Interrompu sans message ; Reprendre continue depuis le point de reprise.</translation>
    </message>
    <message>
        <source>Started elsewhere; its files are followed.</source>
        <translation>Lancé ailleurs ; ses fichiers sont suivis.</translation>
    </message>
</context>
<context>
    <name>units</name>
    <message>
        <source>%1 s</source>
        <translation>%1 s</translation>
    </message>
    <message>
        <source>%1 min %2 s</source>
        <translation>%1 min %2 s</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 h %2 min</translation>
    </message>
</context>
</TS>
