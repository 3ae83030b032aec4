<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr_FR" sourcelanguage="en">
<context>
    <name>EngineText</name>
    <message>
        <source>The slide opens: %1 x %2 px</source>
        <translation>La lame s’ouvre : %1 x %2 px</translation>
    </message>
    <message>
        <source>Its scale is %1 um/px (%2)</source>
        <translation>Son échelle est de %1 µm/px (%2)</translation>
    </message>
    <message>
        <source>The slide: it does not tell its micrometres per pixel</source>
        <translation>La lame n’indique pas ses micromètres par pixel</translation>
    </message>
    <message>
        <source>Enter them; a 40x scan has about 0.25, a 20x scan about 0.5</source>
        <translation>Saisissez-les ; un balayage à 40x a environ 0,25, à 20x environ 0,5</translation>
    </message>
    <message>
        <source>The tile encoder %1 is installed</source>
        <translation>L’encodeur de tuiles %1 est installé</translation>
    </message>
    <message>
        <source>The weights of the tile encoder %1 are not installed</source>
        <translation>Les poids de l’encodeur de tuiles %1 ne sont pas installés</translation>
    </message>
    <message>
        <source>Set FOVEA_ENCODERS to the folder that holds them</source>
        <translation>Donnez dans FOVEA_ENCODERS le dossier qui les contient</translation>
    </message>
    <message>
        <source>Only %1 MB are free where the results go</source>
        <translation>Il ne reste que %1 Mo là où vont les résultats</translation>
    </message>
    <message>
        <source>Results can be written; %1 GB are free</source>
        <translation>Les résultats peuvent être écrits ; %1 Go sont libres</translation>
    </message>
    <message>
        <source>The model %1 fits (%2)</source>
        <translation>Le modèle %1 convient (%2)</translation>
    </message>
    <message>
        <source>The scan is there</source>
        <translation>L’examen est là</translation>
    </message>
    <message>
        <source>The scan: its file is not there</source>
        <translation>Le fichier de l’examen n’est pas là</translation>
    </message>
    <message>
        <source>Locate it again</source>
        <translation>Retrouvez-le</translation>
    </message>
    <message>
        <source>it reads slides, and this is a scan</source>
        <translation>il lit des lames, et ceci est un examen</translation>
    </message>
    <message>
        <source>it reads scans, and this is a slide</source>
        <translation>il lit des examens, et ceci est une lame</translation>
    </message>
    <message>
        <source>it is a tile encoder, not a model of whole cases</source>
        <translation>c’est un encodeur de tuiles, non un modèle de cas entiers</translation>
    </message>
    <message>
        <source>it cannot be read as a model</source>
        <translation>il ne peut être lu comme un modèle</translation>
    </message>
    <message>
        <source>Choose another model</source>
        <translation>Choisissez un autre modèle</translation>
    </message>
    <message>
        <source>the slide has %1 um/px, coarser than the %2 um/px that the model wants</source>
        <translation>la lame a %1 µm/px, plus grossière que les %2 µm/px que demande le modèle</translation>
    </message>
    <message>
        <source>loading the model</source>
        <translation>chargement du modèle</translation>
    </message>
    <message>
        <source>finding tissue</source>
        <translation>recherche du tissu</translation>
    </message>
    <message>
        <source>drawing the overview</source>
        <translation>dessin de la vue d’ensemble</translation>
    </message>
    <message>
        <source>reading and encoding tiles</source>
        <translation>lecture et encodage des tuiles</translation>
    </message>
    <message>
        <source>reading features</source>
        <translation>lecture des caractéristiques</translation>
    </message>
    <message>
        <source>pooling</source>
        <translation>agrégation</translation>
    </message>
    <message>
        <source>writing results</source>
        <translation>écriture des résultats</translation>
    </message>
    <message>
        <source>reading</source>
        <translation>lecture</translation>
    </message>
    <message>
        <source>finding the head</source>
        <translation>recherche de la tête</translation>
    </message>
    <message>
        <source>finding the brain</source>
        <translation>recherche du cerveau</translation>
    </message>
    <message>
        <source>resampling</source>
        <translation>rééchantillonnage</translation>
    </message>
    <message>
        <source>segmenting</source>
        <translation>segmentation</translation>
    </message>
    <message>
        <source>back to the native grid</source>
        <translation>retour à la grille d’origine</translation>
    </message>
    <message>
        <source>measuring</source>
        <translation>mesure</translation>
    </message>
    <message>
        <source>slicing the volume</source>
        <translation>découpe du volume en coupes</translation>
    </message>
    <message>
        <source>there is no such slide</source>
        <translation>cette lame n’existe pas</translation>
    </message>
    <message>
        <source>there is no such volume</source>
        <translation>ce volume n’existe pas</translation>
    </message>
    <message>
        <source>there is no such file or folder</source>
        <translation>ce fichier ou dossier n’existe pas</translation>
    </message>
    <message>
        <source>there is no such model</source>
        <translation>ce modèle n’existe pas</translation>
    </message>
    <message>
        <source>the slide cannot be read</source>
        <translation>la lame ne peut être lue</translation>
    </message>
    <message>
        <source>the volume cannot be read</source>
        <translation>le volume ne peut être lu</translation>
    </message>
    <message>
        <source>the slide is empty (0 bytes)</source>
        <translation>la lame est vide (0 octet)</translation>
    </message>
    <message>
        <source>the volume is empty (0 bytes)</source>
        <translation>le volume est vide (0 octet)</translation>
    </message>
    <message>
        <source>this is no slide that can be read (%1)</source>
        <translation>ce n’est pas une lame lisible (%1)</translation>
    </message>
    <message>
        <source>this is no volume that can be read (%1)</source>
        <translation>ce n’est pas un volume lisible (%1)</translation>
    </message>
    <message>
        <source>the slide cannot be opened (%1)</source>
        <translation>la lame ne peut être ouverte (%1)</translation>
    </message>
    <message>
        <source>the slide cannot be opened again (%1)</source>
        <translation>la lame ne peut être rouverte (%1)</translation>
    </message>
    <message>
        <source>the disk is full, nothing was written</source>
        <translation>le disque est plein, rien n’a été écrit</translation>
    </message>
    <message>
        <source>it could not be written (%1)</source>
        <translation>l’écriture a échoué (%1)</translation>
    </message>
    <message>
        <source>the output folder cannot be made (%1)</source>
        <translation>le dossier de sortie ne peut être créé (%1)</translation>
    </message>
    <message>
        <source>no tissue found: the largest region has %1 mm2, under the limit of %2 mm2</source>
        <translation>aucun tissu trouvé : la plus grande région a %1 mm², sous la limite de %2 mm²</translation>
    </message>
    <message>
        <source>the bag holds no tile (a slide without tissue)</source>
        <translation>le sac ne contient aucune tuile (une lame sans tissu)</translation>
    </message>
    <message>
        <source>slides are computed on the CPU in this version</source>
        <translation>dans cette version, les lames sont calculées sur le processeur</translation>
    </message>
    <message>
        <source>this folder holds no prediction</source>
        <translation>ce dossier ne contient pas de prédiction</translation>
    </message>
    <message>
        <source>it cannot be understood</source>
        <translation>le contenu ne peut être compris</translation>
    </message>
    <message>
        <source>Check the path</source>
        <translation>Vérifiez le chemin</translation>
    </message>
    <message>
        <source>Check its permissions</source>
        <translation>Vérifiez ses droits d’accès</translation>
    </message>
    <message>
        <source>Copy it again</source>
        <translation>Copiez-le de nouveau</translation>
    </message>
    <message>
        <source>Copy it again; the file is damaged</source>
        <translation>Copiez-le de nouveau ; le fichier est endommagé</translation>
    </message>
    <message>
        <source>Copy it again; the file may be truncated</source>
        <translation>Copiez-le de nouveau ; le fichier est peut-être tronqué</translation>
    </message>
    <message>
        <source>See fovea formats for what is read</source>
        <translation>« fovea formats » dit ce qui est lu</translation>
    </message>
    <message>
        <source>Free some space or choose another output folder</source>
        <translation>Libérez de la place ou choisissez un autre dossier de sortie</translation>
    </message>
    <message>
        <source>Choose an output folder that you may write to</source>
        <translation>Choisissez un dossier de sortie où vous pouvez écrire</translation>
    </message>
    <message>
        <source>Check the disk and choose a folder that you may write to</source>
        <translation>Vérifiez le disque et choisissez un dossier où vous pouvez écrire</translation>
    </message>
    <message>
        <source>Run the prediction first</source>
        <translation>Lancez d’abord la prédiction</translation>
    </message>
    <message>
        <source>Run the prediction again</source>
        <translation>Relancez la prédiction</translation>
    </message>
    <message>
        <source>There is nothing to predict here</source>
        <translation>Il n’y a rien à prédire ici</translation>
    </message>
    <message>
        <source>Close other programs, or lower the size of tiles</source>
        <translation>Fermez d’autres programmes, ou réduisez la taille des tuiles</translation>
    </message>
    <message>
        <source>another Fovea window has it open</source>
        <translation>une autre fenêtre de Fovea l’a ouverte</translation>
    </message>
    <message>
        <source>Close that window first</source>
        <translation>Fermez d’abord cette fenêtre</translation>
    </message>
    <message>
        <source>a newer version of Fovea wrote it</source>
        <translation>une version plus récente de Fovea l’a écrite</translation>
    </message>
    <message>
        <source>Use that version, or another folder with --home</source>
        <translation>Utilisez cette version, ou un autre dossier avec --home</translation>
    </message>
    <message>
        <source>its file is damaged</source>
        <translation>son fichier est endommagé</translation>
    </message>
    <message>
        <source>Put back a copy, or choose another folder</source>
        <translation>Remettez une copie, ou choisissez un autre dossier</translation>
    </message>
    <message>
        <source>its folder cannot be written</source>
        <translation>son dossier n’est pas accessible en écriture</translation>
    </message>
    <message>
        <source>its folder cannot be made</source>
        <translation>son dossier ne peut être créé</translation>
    </message>
    <message>
        <source>Choose another with --home</source>
        <translation>Choisissez-en un autre avec --home</translation>
    </message>
    <message>
        <source>the change could not be stored</source>
        <translation>la modification n’a pu être enregistrée</translation>
    </message>
    <message>
        <source>Check the free space of the disk it lies on</source>
        <translation>Vérifiez la place libre de son disque</translation>
    </message>
    <message>
        <source>Check the disk it lies on</source>
        <translation>Vérifiez son disque</translation>
    </message>
    <message>
        <source>language</source>
        <translation>fr</translation>
    </message>
</context>
</TS>
