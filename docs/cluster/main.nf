// One scan a task: nextflow run docs/cluster/main.nf --manifest scans.csv --model model.safetensors --out results
// The manifest has the columns case and volumes, as for fovea batch, with absolute paths.
params.manifest = 'scans.csv'
params.model = 'model.safetensors'
params.out = 'results'

process segment {
    tag "${id}"
    publishDir "${params.out}/${id}", mode: 'copy'
    errorStrategy 'ignore'

    input:
    tuple val(id), path(volumes)
    path model

    output:
    path 'result/*'

    script:
    """
    fovea mri segment ${volumes} --model ${model} --out result --quiet
    """
}

workflow {
    scans = Channel.fromPath(params.manifest).splitCsv(header: true).map { row -> tuple(row.case, row.volumes.tokenize(';').collect { file(it) }) }
    segment(scans, file(params.model))
}
