<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr_FR">
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
        <source>A probability is the model's own estimate. It holds for slides like those the model was trained on and says nothing about findings it was not trained to see.</source>
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
        <source>Show file names (they may hold a patient's name)</source>
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
        <translation>Ajouter des fichiers</translation>
    </message>
    <message>
        <source>Add folder</source>
        <translation>Ajouter un dossier</translation>
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
        <translation><numerusform>%n cas</numerusform><numerusform>%n cas</numerusform></translation>
    </message>
    <message>
        <source>%1 of %2 cases</source>
        <translation>%1 cas sur %2</translation>
    </message>
    <message numerus="yes">
        <source>Run %n case(s)</source>
        <translation><numerusform>Calculer %n cas</numerusform><numerusform>Calculer %n cas</numerusform></translation>
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
    <name>fovea::gui::Engine</name>
    <message>
        <source>Some of it could not be done.</source>
        <translation>Une partie n’a pas pu être faite.</translation>
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
        <translation>Fichiers, dossiers et études DICOM ; ou « Ajouter des fichiers » à gauche.</translation>
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
        <translation><numerusform>%n cas n’a pas pu être mis en file : aucun modèle ne convient.</numerusform><numerusform>%n cas n’ont pas pu être mis en file : aucun modèle ne convient.</numerusform></translation>
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
        <translation><numerusform>, %n en attente</numerusform><numerusform>, %n en attente</numerusform></translation>
    </message>
    <message>
        <source>Where is it now?</source>
        <translation>Où se trouve-t-il maintenant ?</translation>
    </message>
    <message numerus="yes">
        <source>%n case(s) were found again.</source>
        <translation><numerusform>%n cas a été retrouvé.</numerusform><numerusform>%n cas ont été retrouvés.</numerusform></translation>
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
