//! `inspect MODEL.gguf`: what a model file says of itself, without loading it.

fn main() -> qask::Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: inspect MODEL.gguf");
        std::process::exit(2);
    };
    let began = std::time::Instant::now();
    let info = qask::gguf::inspect(&path)?;
    println!("architecture    {}", info.architecture);
    println!("name            {}", info.name.as_deref().unwrap_or("-"));
    println!("quantization    {}", info.quantization);
    println!("parameters      {}", info.parameters);
    println!("context length  {}", info.context_length);
    println!("vocabulary      {}", info.vocabulary_size);
    println!("chat template   {}", info.has_chat_template());
    println!("file size       {}", info.file_size);
    info.warnings.iter().for_each(|w| println!("note            {w}"));
    eprintln!("[{:.1} ms]", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
